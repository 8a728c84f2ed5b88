/**
 * The head of a target's answer (RFC 9112, sections 4 and 5).
 *
 * @module
 */

import {
  isSafeFieldValue,
  isToken,
  trimWhitespace,
} from "../../http/headers.ts";
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
  /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
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
    if (head === null) throw malformed(connection);
    if (head.status >= 600) {
      throw new UpstreamError(
        502,
        `${connection.url} answered with the status ${head.status}; HTTP has none above 599 (RFC 9110, section 15).`,
      );
    }
    if (head.status >= 200 || head.status === 101) return head;
  }
}

function malformed(connection: UpstreamConnection): UpstreamError {
  return new UpstreamError(
    502,
    `${connection.url} answered with a malformed head.`,
  );
}

/**
 * Reads a head without its last line; null where it is malformed. Lines may
 * neither be folded nor end in a bare LF: both hide fields.
 */
export function parseResponseHead(text: string): ResponseHead | null {
  const [statusLine, ...lines] = text.split("\r\n");
  const [, minor, status] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined) return null;
  const headers: HeaderList = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimWhitespace(line.slice(colon + 1));
    if (!isToken(name) || !isSafeFieldValue(value)) return null;
    headers.push([name, value]);
  }
  return { status: Number(status), http11: minor === "1", headers };
}

/** Takes what stands before the next empty line. */
async function readBlock(connection: UpstreamConnection): Promise<string> {
  let from = 0;
  for (;;) {
    const bytes = connection.buffered;
    for (let at; (at = bytes.indexOf(LF, from)) >= 0; from = at + 1) {
      // A target that ends its lines otherwise would never end its head.
      if (bytes[at - 1] !== CR) throw malformed(connection);
      if (bytes[at - 2] !== LF) continue;
      const text = byteString(bytes.subarray(0, at - 3));
      connection.skip(at + 1);
      return text;
    }
    from = bytes.byteLength;
    if (await connection.fill(0)) continue;
    throw new UpstreamError(
      502,
      `${connection.url} closed the connection without an answer.`,
    );
  }
}

/** One code unit per byte. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}
