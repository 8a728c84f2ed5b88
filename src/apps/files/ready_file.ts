/**
 * The answers to a GET that are kept ready with a small file.
 *
 * @module
 */

import { AT, count } from "../../metrics/counters.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { checkConditions, readConditions } from "../../http/conditional.ts";
import type {
  ReadyAnswer,
  ReadyAnswers,
  ReadyRequest,
} from "../../pagi/ready_answers.ts";
import type { FileStamp } from "../../system/file_stamp.ts";
import type { RequestScope } from "../reply.ts";
import type { FileCache } from "./file_cache.ts";
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

/** The one for a request with `headers`; null where the app has to answer. */
export function chooseAnswer(
  { whole, unchanged, validators }: ReadyAnswers,
  headers: HeaderList,
): ReadyAnswer | null {
  const conditions = readConditions(headers);
  if (conditions.range !== undefined) return null;
  const status = checkConditions(conditions, validators);
  return status === null ? whole : status === 304 ? unchanged : null;
}

/**
 * The answer that is ready for `request`, if no file that it depends on has
 * changed; null for all but a GET of a whole file that was sent before.
 */
export function findReady(
  files: FileCache,
  request: ReadyRequest,
): ReadyAnswer | null {
  if (request.method !== "GET") return null;
  const entry = files.cached(request.path);
  if (entry === null) return null;
  const { headers } = request;
  const { file, stamp } = entry;
  const codings = file.varies
    ? acceptedCodings(fieldValue(headers, "accept-encoding"))
    : "";
  const ready = file.ready.get(codings);
  if (ready === undefined) return null;
  const answer = chooseAnswer(ready, headers);
  if (answer === null || !stamp.isCurrent() || !areCurrent(ready.stamps)) {
    return null;
  }
  count(AT.cacheHits);
  return answer;
}

function areCurrent(stamps: readonly FileStamp[]): boolean {
  for (const stamp of stamps) {
    if (!stamp.isCurrent()) return false;
  }
  return true;
}

/** Sends a ready answer by events, where the server has called the app. */
export async function sendReady(
  send: Send,
  { status, fields, body }: ReadyAnswer,
): Promise<void> {
  // A copy, as middleware may change it.
  const headers: HeaderList = fields.map(([name, value]) => [name, value]);
  if (body === null) {
    await send({ type: "http.response.start", status, headers });
    return await send({ type: "http.response.body" });
  }
  headers.splice(1, 0, ["content-length", String(body.length)]);
  await send({ type: "http.response.start", status, headers });
  await send({ type: "http.response.body", body });
}
