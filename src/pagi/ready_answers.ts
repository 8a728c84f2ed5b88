/**
 * Answers that an app keeps ready, which the server sends without calling it.
 */

import type { Validators } from "../http/conditional.ts";
import type { HeaderList, PagiApp } from "./types.ts";

/**
 * A complete response, and nothing in it ever changes: the server sends the same
 * fields and bytes to many clients. The fields keep the rules of PAGI.md 3.1,
 * and none is about the connection.
 */
export interface ReadyAnswer {
  readonly status: number;
  /** In HTTP/1.1, where the engine adds `content-length` to a body. */
  readonly fields: HeaderList;
  /** In HTTP/2, and as the app sends them. */
  readonly sized: HeaderList;
  /** The bytes, at least one; null for none. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** The answers to a GET or HEAD without `range`. */
export interface ReadyAnswers {
  readonly whole: ReadyAnswer;
  readonly head: ReadyAnswer;
  /** The answer 304. */
  readonly unchanged: ReadyAnswer;
  readonly validators: Validators;
}

/** The part of a request that decides on an answer. */
export interface ReadyRequest {
  readonly method: string;
  readonly path: string;
  /** As the client sent it. */
  readonly rawPath: string;
  readonly query: string;
  /** Names in lower case. */
  readonly headers: HeaderList;
}

/**
 * The answer that is ready for a request to an app mounted at `rootPath`, or
 * null: then the app is called.
 */
export type FindReady = (
  request: ReadyRequest,
  rootPath: string,
) => ReadyAnswer | null;

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
