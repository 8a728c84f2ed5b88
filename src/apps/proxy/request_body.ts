/**
 * The body of a client's request on its way to a target.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import type { HeaderList } from "../../pagi/types.ts";
import type { RequestReader } from "../disconnect.ts";

/** A body in the form in which it goes on the wire. */
export interface RequestBody {
  /** The fields that announce it. */
  readonly framing: HeaderList;
  /** What goes with the head. */
  readonly first: Uint8Array;
  /** What follows, as the client sends it; null where the body is whole. */
  readonly rest: (() => AsyncIterable<Uint8Array>) | null;
}

const EMPTY = new Uint8Array(0);
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");
/** No body at all, and nothing said of it. */
export const NO_BODY: RequestBody = { framing: [], first: EMPTY, rest: null };

/**
 * Reads the first part of the body and frames it anew: what the client said of
 * its framing goes no further, so that nothing can be smuggled past it.
 */
export async function requestBody(
  client: RequestReader,
  method: string,
  headers: HeaderList,
): Promise<RequestBody> {
  const first = await client.next();
  const length = fieldValue(headers, "content-length");
  if (client.complete) {
    // Methods that are expected to have a body say that it is empty.
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
  while (!client.complete) yield frameChunk(await client.next());
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
