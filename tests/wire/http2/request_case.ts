/**
 * One row of the tables of requests: what is sent, and what comes of it.
 *
 * @module
 */

import { type Fields, get } from "../../helpers/http2_frames.ts";

/** A row: one request without a body, on a connection of its own. */
export interface RequestCase {
  readonly title: string;
  /** Section of RFC 9113, or a number of another. */
  readonly rfc: string;
  readonly fields: Fields;
  /**
   * What comes back: a status, or the code with which the stream is `reset`
   * or the connection ended (`goaway`).
   */
  readonly outcome: string;
  /** What the app saw: method, raw path, query, and fields. None: not called. */
  readonly app?: string;
  /** What comes of the next request, where it is not served. */
  readonly after?: string;
  /** What the RFC asks for, where the engine does otherwise. */
  readonly difference?: string;
}

/** A stream error: the connection goes on. */
export const MALFORMED = "reset PROTOCOL_ERROR";
/** A connection error. */
export const BROKEN = "goaway PROTOCOL_ERROR";
/** The host of all requests that say no other, as a field of the scope. */
export const HOST = "host: example.org";

/** The fields of a good request, those of `changed` in another way. */
export function request(
  changed: Record<string, string | null>,
  ...more: Fields
): Fields {
  return get("/", more)
    .map(([name, value]): [string, string | null] => [
      name,
      name in changed ? changed[name] : value,
    ])
    .filter((field): field is [string, string] => field[1] !== null);
}
