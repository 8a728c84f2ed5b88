/**
 * The head of a target's answer (RFC 9112, sections 4 and 5).
 *
 * @module
 */

import type { HeaderList } from "../../pagi/types.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import { UpstreamError } from "./upstream_error.ts";

/** Status line and header fields. */
export interface ResponseHead {
  readonly status: number;
  /** False for HTTP/1.0. */
  readonly http11: boolean;
  /** Names as they came. */
  readonly headers: HeaderList;
}

const STATUS_LINE =
  /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Lines may neither be folded nor end in a bare LF: both hide fields. */
const FIELD =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const CR = 13;
const LF = 10;

/**
 * Reads the head of the final answer, past those of the informational ones
 * (RFC 9110, section 15.2); 101 is final. Time limits are the caller's.
 *
 * @throws {UpstreamError} 502 where the target sends something else.
 */
export async function readResponseHead(
  connection: UpstreamConnection,
): Promise<ResponseHead> {
  for (;;) {
    const head = parseResponseHead(await readBlock(connection));
    if (head === null) {
      throw new UpstreamError(
        502,
        `${connection.url} answered with a malformed head.`,
      );
    }
    if (head.status >= 200 || head.status === 101) return head;
  }
}

/** Reads a head without its last line; null where it is malformed. */
export function parseResponseHead(text: string): ResponseHead | null {
  const [statusLine, ...lines] = text.split("\r\n");
  const [, minor, status] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined) return null;
  const headers: HeaderList = [];
  for (const line of lines) {
    const field = FIELD.exec(line);
    if (field === null) return null;
    headers.push([field[1], field[2]]);
  }
  return { status: Number(status), http11: minor === "1", headers };
}

/** Takes what stands before the next empty line. */
async function readBlock(connection: UpstreamConnection): Promise<string> {
  let from = 0;
  for (;;) {
    const bytes = connection.buffered;
    const end = endOfBlock(bytes, from);
    if (end >= 0) {
      const text = byteString(bytes.subarray(0, end));
      connection.skip(end + 4);
      return text;
    }
    from = Math.max(0, bytes.byteLength - 3);
    if (await connection.fill(0)) continue;
    throw new UpstreamError(
      502,
      `${connection.url} closed the connection without an answer.`,
    );
  }
}

function endOfBlock(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(CR, from); at >= 0;) {
    if (
      bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF
    ) return at;
    at = bytes.indexOf(CR, at + 1);
  }
  return -1;
}

/** One code unit per byte. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}
