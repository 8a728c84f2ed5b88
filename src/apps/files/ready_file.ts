/** The answers to GET and HEAD that are kept ready with a small file. */

import { AT, count } from "../../metrics/counters.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import {
  checkConditions,
  readConditions,
  type Validators,
} from "../../http/conditional.ts";
import type {
  ReadyAnswer,
  ReadyAnswers,
  ReadyRequest,
} from "../../pagi/ready_answers.ts";
import { areCurrent } from "../../system/file_stamp.ts";
import type { RequestScope } from "../reply.ts";
import { type FileCache, lendBytes } from "./file_cache.ts";
import { acceptedCodings } from "./sidecar.ts";

/** The part of a scope that decides on a ready answer. */
export function readyRequestOf(scope: RequestScope): ReadyRequest {
  const { method, path, raw_path, query_string, headers } = scope;
  return {
    method,
    path,
    rawPath: raw_path ?? path,
    query: query_string,
    headers,
  };
}

/**
 * The answers with a body.
 *
 * @param sized All fields of 200, with `content-length`.
 * @param lasting Those of 304.
 */
export function readyAnswers(
  sized: HeaderList,
  body: Uint8Array<ArrayBuffer>,
  lasting: HeaderList,
  validators: Validators,
): ReadyAnswers {
  const fields = sized.filter(([name]) => name !== "content-length");
  return {
    whole: { status: 200, fields, sized, body },
    head: { status: 200, fields: sized, sized, body: null },
    unchanged: { status: 304, fields: lasting, sized: lasting, body: null },
    validators,
  };
}

/** The one for a request; null where the app has to answer. */
export function chooseAnswer(
  answers: ReadyAnswers,
  method: string,
  headers: HeaderList,
): ReadyAnswer | null {
  const conditions = readConditions(headers);
  if (conditions.range !== undefined) return null;
  const status = checkConditions(conditions, answers.validators);
  if (status === 412) return null;
  const answer = answerWith(status, answers, method);
  return isLong(answer.body) ? null : answer;
}

/**
 * Bytes of a body above which it is sent as a stream: that takes less time, and
 * the engine would hold the bytes for each slow client.
 */
const MAX_WHOLE_BYTES = 256 * 1024;

function isLong(body: Uint8Array | null): boolean {
  return body !== null && body.length > MAX_WHOLE_BYTES;
}

/** The one for a GET or HEAD with this status; null means 200. */
export function answerWith(
  status: 304 | null,
  { whole, head, unchanged }: ReadyAnswers,
  method: string,
): ReadyAnswer {
  return status === 304 ? unchanged : method === "HEAD" ? head : whole;
}

/**
 * The answer that is ready for `request`, if no file that it depends on has
 * changed; null for all but a GET or HEAD of a whole file that was sent before.
 */
export function findReady(
  files: FileCache,
  request: ReadyRequest,
): ReadyAnswer | null {
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") return null;
  const entry = files.cached(request);
  if (entry === null) return null;
  const { headers } = request;
  const { file, stamp } = entry;
  const codings = file.varies
    ? acceptedCodings(fieldValue(headers, "accept-encoding"))
    : "";
  const ready = file.ready.get(codings);
  if (ready === undefined) return null;
  const answer = chooseAnswer(ready, method, headers);
  if (answer === null || !stamp.isCurrent() || !areCurrent(ready.stamps)) {
    return null;
  }
  count(AT.cacheHits);
  return answer;
}

/** Sends the body of a response, whose length its head has, and ends it. */
export async function sendBytes(
  send: Send,
  body: Uint8Array | null,
): Promise<void> {
  const type = "http.response.body";
  if (body === null) return await send({ type });
  if (!isLong(body)) return await send({ type, body });
  using _lent = lendBytes(body.length);
  await send({ type, body, more: 1 });
  await send({ type });
}

/** Sends a ready answer by events, where the server has called the app. */
export async function sendReady(
  send: Send,
  { status, sized, body }: ReadyAnswer,
): Promise<void> {
  // A copy, as middleware may change it.
  const headers: HeaderList = sized.map(([name, value]) => [name, value]);
  await send({ type: "http.response.start", status, headers });
  await sendBytes(send, body);
}
