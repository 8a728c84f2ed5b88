/**
 * Answers that an app keeps ready, which the server sends without calling it.
 *
 * @module
 */

import type { HeaderList, PagiApp } from "./types.ts";

/**
 * A complete response, and nothing in it ever changes: the server sends the same
 * fields and bytes to many clients. The fields keep the rules of PAGI.md 3.1,
 * and none is about the connection.
 */
export interface ReadyAnswer {
  readonly status: number;
  /** Without `content-length`, which is added to a body. */
  readonly fields: HeaderList;
  /** The bytes, at least one; null for none. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** The part of a scope that decides on an answer. */
export interface ReadyRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: HeaderList;
}

/** The answer that is ready for a request, or null: then the app is called. */
export type FindReady = (request: ReadyRequest) => ReadyAnswer | null;

/** On the app's function: middleware makes another one, which has none. */
const FIND = Symbol("ready answers");

/** Has the server ask `find` before it calls `app`. */
export function withReadyAnswers(app: PagiApp, find: FindReady): PagiApp {
  return Object.assign(app, { [FIND]: find });
}

/** What finds the answers that `app` keeps ready; null if it keeps none. */
export function readyAnswersOf(app: PagiApp): FindReady | null {
  return (app as { [FIND]?: FindReady })[FIND] ?? null;
}
