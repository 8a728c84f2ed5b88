/** Frames the body of a client's request for a target. */

import { fieldValue } from "../../http/headers.ts";
import type { HeaderList } from "../../pagi/types.ts";
import type { RequestReader } from "../disconnect.ts";

/** A body in its wire format. */
export interface RequestBody {
  /** `content-length` or `transfer-encoding`. */
  readonly framing: HeaderList;
  /** The bytes that are sent with the head. */
  readonly first: Uint8Array;
  /** The following chunks; null where `first` is the whole body. */
  readonly rest: (() => AsyncIterable<Uint8Array>) | null;
}

const EMPTY = new Uint8Array(0);
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");
/** No body and no framing fields. */
export const NO_BODY: RequestBody = { framing: [], first: EMPTY, rest: null };

/**
 * Frames the body again that begins with `first`. The client's own framing is
 * not passed on, which prevents request smuggling.
 */
export function requestBody(
  client: RequestReader,
  first: Uint8Array,
  method: string,
  headers: HeaderList,
): RequestBody {
  const length = fieldValue(headers, "content-length");
  if (client.complete) {
    // Methods that usually have a body announce an empty one.
    const announce = first.byteLength > 0 || length !== null ||
      /^(?:POST|PUT|PATCH)$/.test(method);
    if (!announce) return NO_BODY;
    return { framing: sized(first.byteLength), first, rest: null };
  }
  if (length === null || fieldValue(headers, "transfer-encoding") !== null) {
    return {
      framing: [["transfer-encoding", "chunked"]],
      first: frameChunk(first),
      rest: () => chunkedBody(client),
    };
  }
  return {
    framing: sized(Number(length)),
    first,
    rest: () => sizedBody(client, Number(length) - first.byteLength),
  };
}

function sized(length: number): HeaderList {
  return [["content-length", String(length)]];
}

async function* chunkedBody(client: RequestReader): AsyncGenerator<Uint8Array> {
  for await (const chunk of client.chunks()) yield frameChunk(chunk);
  yield LAST_CHUNK;
}

/** Yields exactly `left` bytes, or fails. */
async function* sizedBody(
  client: RequestReader,
  left: number,
): AsyncGenerator<Uint8Array> {
  while (!client.complete && left >= 0) {
    const chunk = await client.next();
    left -= chunk.byteLength;
    if (left >= 0) yield chunk;
  }
  if (left !== 0) {
    throw new Error("The request body is not as long as its content-length.");
  }
}

/** One chunk (RFC 9112, section 7.1); an empty one would end the body. */
function frameChunk(data: Uint8Array): Uint8Array {
  if (data.byteLength === 0) return EMPTY;
  const size = new TextEncoder().encode(`${data.byteLength.toString(16)}\r\n`);
  const framed = new Uint8Array(size.byteLength + data.byteLength + 2);
  framed.set(size);
  framed.set(data, size.byteLength);
  framed.set([13, 10], framed.byteLength - 2);
  return framed;
}
