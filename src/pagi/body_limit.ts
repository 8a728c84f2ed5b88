/**
 * Apps that take larger request bodies than `--max-body-size`.
 *
 * The server judges an announced length before it calls the app. Where an app
 * of this thread stores uploads, it does so when the body is first read, so
 * that the app can raise the limit for this request until then.
 */

import type { HttpScope, PagiConnection, SseScope } from "./types.ts";

let mayRise = false;
const raised = new WeakMap<PagiConnection, number>();

/** Announces to the server that {@linkcode raiseBodyLimit} may be called. */
export function announceRaisedLimits(): void {
  mayRise = true;
}

/** True if some app of this thread may raise the limit. */
export function limitsMayRise(): boolean {
  return mayRise;
}

/**
 * Allows a body of `bytes` (0: any size) to the request of `scope`. It has an
 * effect before the app first receives, and on `http` scopes only.
 */
export function raiseBodyLimit(
  scope: HttpScope | SseScope,
  bytes: number,
): void {
  if (scope.type === "http") raised.set(scope["pagi.connection"], bytes);
}

/** The limit in bytes of one request, `usual` unless an app has raised it. */
export function bodyLimit(connection: PagiConnection, usual: number): number {
  return mayRise ? raised.get(connection) ?? usual : usual;
}
