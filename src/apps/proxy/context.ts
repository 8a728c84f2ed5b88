/**
 * What serves every request of one proxy.
 *
 * @module
 */

import type { Limits } from "./exchange.ts";
import { isLoop } from "./upstream_request.ts";
import type {
  ProxyScope,
  RequestRules,
  UpstreamRequest,
} from "./upstream_request.ts";
import { climbs } from "./upstream_path.ts";
import type { Upstreams } from "./upstreams.ts";

/** The parts of a proxy. */
export interface ProxyContext {
  readonly upstreams: Upstreams;
  readonly rules: RequestRules;
  readonly limits: Limits;
  /** The domain of targets' cookies; "" for none, null for theirs. */
  readonly cookieDomain: string | null;
  /** True where only a part of some target is given free. */
  readonly hasBasePath: boolean;
}

/**
 * The status of the answer to what no target is to see, or null. TRACE would
 * show clients what the proxy adds for the target's eyes only.
 */
export function refusalStatus(
  { rules, hasBasePath }: ProxyContext,
  scope: ProxyScope,
  { method, path }: UpstreamRequest,
): 400 | 501 | 508 | null {
  if (method === "TRACE" || method === "CONNECT") return 501;
  if (isLoop(scope, rules.pseudonym)) return 508;
  const confined = hasBasePath || scope.root_path !== "";
  return confined && climbs(path) ? 400 : null;
}
