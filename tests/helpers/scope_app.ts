/**
 * Apps for tests of one kind of scope.
 *
 * @module
 */

import type { PagiApp, Receive, Scope, Send } from "../../src/pagi/types.ts";

/** Serves one scope of a kind, and returns something to the test. */
export type Serve<Kind extends Scope["type"], Result = void> = (
  scope: Extract<Scope, { type: Kind }>,
  receive: Receive,
  send: Send,
) => Promise<Result>;

/** An app for one kind of scope; it throws on others, as PAGI.md 1 asks for. */
export function appFor<Kind extends Scope["type"]>(
  kind: Kind,
  serve: Serve<Kind>,
): PagiApp {
  return (scope, receive, send) => {
    if (scope.type !== kind) {
      return Promise.reject(new Error(`${scope.type} is not supported.`));
    }
    return serve(
      scope as Extract<Scope, { type: Kind }>,
      receive,
      send,
    );
  };
}

/**
 * Such an app, and a promise of what `serve` returns for the first scope, so
 * that a test can wait for what the app has seen.
 */
export function observing<Kind extends Scope["type"], Result>(
  kind: Kind,
  serve: Serve<Kind, Result>,
): { app: PagiApp; result: Promise<Result> } {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const app = appFor(kind, async (scope, receive, send) => {
    try {
      resolve(await serve(scope, receive, send));
    } catch (error) {
      reject(error);
      throw error;
    }
  });
  return { app, result: promise };
}
