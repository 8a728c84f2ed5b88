/**
 * One case of the wire suite: what a client sends, and what must come of it.
 *
 * @module
 */

import type { ServeHttp } from "../../helpers/http_app.ts";

/** Where the engine answers otherwise than the RFC asks, beyond our reach. */
export interface Difference {
  /** What the RFC asks for. */
  readonly rule: string;
  /** Why neither a handler nor closing the connection mends it. */
  readonly reason: string;
  readonly risk: string;
}

/** A row of the table. */
export interface WireCase {
  readonly title: string;
  /** Number and section, as in "9112, 2.2". */
  readonly rfc: string;
  /**
   * What the client sends. Pieces are sent some milliseconds apart, which a
   * busy server may read at once all the same: see `seenFirst`.
   */
  readonly send: string | readonly string[];
  /** What the app has seen of the request before the last piece is sent. */
  readonly seenFirst?: string;
  /** What the client does then; it waits by default. */
  readonly client?: "half-closes" | "leaves";
  /**
   * The statuses of the answers in order, as in "100 200"; `|` stands between
   * statuses that are equally right, `cut` for a body that breaks off.
   */
  readonly answers: string;
  /** What becomes of the connection: the next request is answered, or not. */
  readonly connection: "kept" | "closed";
  /**
   * The requests as the app saw them: method, target, body. A body that did
   * not come to its end ends with "…"; of a client that leaves only that is
   * said.
   */
  readonly app: readonly string[];
  /** What the answers look like, heads and bodies without their framing. */
  readonly wire?: RegExp;
  /** Serves the requests of this case; by default the body is echoed. */
  readonly serve?: ServeHttp;
  readonly difference?: Difference;
}

type More = Partial<WireCase>;

/** A case that the app serves on a connection that goes on. */
export function served(
  title: string,
  rfc: string,
  send: WireCase["send"],
  app: string | readonly string[],
  more: More = {},
): WireCase {
  const seen = typeof app === "string" ? [app] : app;
  const answers = seen.map(() => "200").join(" ");
  return { title, rfc, send, answers, connection: "kept", app: seen, ...more };
}

/** A case that is answered without the app; then the connection closes. */
export function refused(
  title: string,
  rfc: string,
  send: WireCase["send"],
  answers = "400",
  more: More = {},
): WireCase {
  return { title, rfc, send, answers, connection: "closed", app: [], ...more };
}

/** A request head, with `Host: a`. */
export function head(line: string, ...fields: string[]): string {
  return [`${line} HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** A request whose body is `chunks` as they stand on the wire. */
export function chunked(chunks: string, ...fields: string[]): string {
  return head("POST /", "Transfer-Encoding: chunked", ...fields) + chunks;
}

/** A request that follows another one. */
export const NEXT = head("GET /next");
