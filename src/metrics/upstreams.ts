/** The targets of this thread's proxies, for metrics. */

/** What is known of one target. */
export interface UpstreamState {
  /** `http://host:port`, without what may be secret. */
  readonly target: string;
  readonly up: boolean;
  /** Connections that wait for a request, … */
  readonly idle: number;
  /** … and requests that run. */
  readonly active: number;
  /** So far. */
  readonly requests: number;
  readonly failures: number;
}

const sources = new Set<{ readonly state: UpstreamState }>();

/** Shows a target until the returned function is called. */
export function showUpstream(
  source: { readonly state: UpstreamState },
): () => void {
  sources.add(source);
  return () => sources.delete(source);
}

/** All targets of this thread. */
export function upstreamStates(): UpstreamState[] {
  return Array.from(sources, ({ state }) => state);
}
