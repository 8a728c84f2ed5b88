/**
 * What an app would do with a request, for `--explain`, which does not run
 * handlers.
 */

import type {
  LifespanScope,
  PagiApp,
  Scope,
  SendEvent,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";

/** The scopes of connections. */
export type ConnectionScope = Exclude<Scope, LifespanScope>;

/** What an app would do with one request. */
export interface Explanation {
  /** Sentences, indented below what they belong to. */
  readonly lines: readonly string[];
  /** The status of the answer; null where only its handler knows. */
  readonly status: number | null;
  /** True of an app that throws because it does not serve such a scope. */
  readonly unsupported?: boolean;
}

/** Explains a request by the functions that serve it. */
export type Explain = (
  scope: ConnectionScope,
) => Explanation | Promise<Explanation>;

/** On the app's function; the same for every copy of this module. */
const EXPLAIN = Symbol.for("pagi.explain");
const names = new WeakMap<PagiApp, string>();

/** Lets `app` be explained. */
export function explainable(app: PagiApp, explain: Explain): PagiApp {
  return Object.assign(app, { [EXPLAIN]: explain });
}

/** Names an app as the command line does. */
export function nameApp(app: PagiApp, name: string): void {
  names.set(app, name);
}

/** Explains what `app` would do; without an explanation it is only named. */
export async function explainApp(
  app: PagiApp,
  scope: ConnectionScope,
): Promise<Explanation> {
  const name = names.get(app) ?? (app.name || "an app without a name");
  const explain = (app as { [EXPLAIN]?: Explain })[EXPLAIN];
  if (explain === undefined) {
    const lines = [`${name}: its handler answers (it was not run)`];
    return { lines, status: null };
  }
  const explanation = await explain(scope);
  return { ...explanation, lines: [name, ...indented(explanation.lines)] };
}

/** Explains what `app` would do, after a line of the app around it. */
export async function explainBelow(
  line: string,
  app: PagiApp,
  scope: ConnectionScope,
): Promise<Explanation> {
  const { lines, ...rest } = await explainApp(app, scope);
  return { ...rest, lines: [line, ...lines] };
}

/** Indents lines by two spaces. */
export function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Stops an app that has said how its response starts. */
const STARTED = new Error("Only the start of the response was wanted.");

/**
 * Runs an app of this server, which changes nothing, up to the start of its
 * response: the status and the header fields are those that it would send.
 */
export async function explainByStart(
  app: PagiApp,
  scope: ConnectionScope,
): Promise<Explanation> {
  const starts: Extract<SendEvent, { type: "http.response.start" }>[] = [];
  const body = new Uint8Array();
  const events = [{ type: "http.request", body, more: 0 } as const];
  try {
    await app(
      scope,
      () => Promise.resolve(events.pop() ?? new Promise<never>(() => {})),
      (event) => {
        if (event.type === "http.response.start") starts.push(event);
        return Promise.reject(STARTED);
      },
    );
  } catch (error) {
    if (error instanceof UnsupportedScope) {
      const lines = [`does not serve a ${scope.type} scope`];
      return { lines, status: null, unsupported: true };
    }
    if (starts.length === 0) throw error;
  }
  const [{ status, headers = [] }] = starts;
  const fields = headers.map(([name, value]) => `${name}: ${value}`);
  return { lines: [`answers ${status}`, ...indented(fields)], status };
}
