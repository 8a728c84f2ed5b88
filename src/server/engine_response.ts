/**
 * Responses as the engine takes them fastest.
 *
 * `new Response(body, { headers })` checks and copies every field again, and
 * registers a native twin for the garbage collector: 6 µs for five fields,
 * when all else that the server does for a request takes less. What is given
 * here has been checked already, so it is put straight where the engine reads
 * it: behind symbols on the response. Where an engine has other symbols, the
 * public constructor serves.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";
import { ownBytes, type Payload } from "./payload.ts";

/** What the engine keeps of a response. */
interface EngineResponse {
  status: number;
  headerList: HeaderList;
  body: { streamOrStatic: { body: Uint8Array } } | null;
}

/** The engine's kind of header for a short reply with nothing but a type. */
const CONTENT_TYPE_ONLY = 2;

const EMPTY = new Uint8Array();
const symbols = new Map(
  Object.getOwnPropertySymbols(new Response("")).map((symbol) => [
    symbol.description,
    symbol,
  ]),
);
const RESPONSE = symbols.get("response");
const STATUS = symbols.get("serve fast status");
const HEADER_KIND = symbols.get("serve fast header kind");
const CONTENT_TYPE = symbols.get("serve fast content type");
/** The engine keeps the bytes of a body where they can be exchanged. */
const HOLDS_BYTES = RESPONSE !== undefined &&
  engineResponseOf(new Response(EMPTY), RESPONSE).body?.streamOrStatic
      ?.body instanceof Uint8Array;
/** Where the public `headers` look for it. */
const PUBLIC_TYPE = symbols.get("lazy static content type");

/**
 * Makes a response of fields that were checked: names are tokens, values hold
 * no control character.
 *
 * @param body Whole, or a stream; null for none. Bytes must not change until
 *   they are written.
 */
export function engineResponse(
  body: Payload | null,
  status: number,
  headers: HeaderList,
): Response {
  if (
    RESPONSE === undefined || !HOLDS_BYTES || STATUS === undefined ||
    HEADER_KIND === undefined || CONTENT_TYPE === undefined ||
    PUBLIC_TYPE === undefined
  ) {
    return new Response(typeof body === "string" ? ownBytes(body) : body, {
      status,
      headers,
    });
  }
  const type = headers.length === 1 && isContentType(headers[0][0])
    ? headers[0][1]
    : null;
  const isShort = type !== null &&
    (typeof body === "string" || body instanceof Uint8Array);
  // Of a string the engine would make a type, and of bytes a copy.
  const bytes = isShort
    ? null
    : typeof body === "string"
    ? ownBytes(body)
    : body instanceof Uint8Array
    ? body
    : null;
  const response = new Response(bytes === null ? body : EMPTY) as
    & Response
    & Record<symbol, unknown>;
  const inner = engineResponseOf(response, RESPONSE);
  if (bytes !== null) inner.body!.streamOrStatic.body = bytes;
  inner.status = status;
  if (isShort) {
    response[STATUS] = status;
    response[HEADER_KIND] = CONTENT_TYPE_ONLY;
    response[CONTENT_TYPE] = response[PUBLIC_TYPE] = type;
  } else {
    response[STATUS] = 0;
    inner.headerList = headers;
  }
  return response;
}

function isContentType(name: string): boolean {
  return name.length === 12 && name.toLowerCase() === "content-type";
}

function engineResponseOf(response: Response, symbol: symbol): EngineResponse {
  return (response as unknown as Record<symbol, EngineResponse>)[symbol];
}
