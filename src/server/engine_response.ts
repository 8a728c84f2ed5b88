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
  body: EngineBody | null;
}

/** What it keeps of a body that is whole. */
interface EngineBody {
  readonly streamOrStatic: { body: Uint8Array | string; consumed: boolean };
}

/** The engine's kind of header for a short reply with nothing but a type. */
const CONTENT_TYPE_ONLY = 2;

const PROBE = new Response(new Uint8Array());
const symbols = new Map(
  Object.getOwnPropertySymbols(PROBE).map((symbol) => [
    symbol.description,
    symbol,
  ]),
);
const RESPONSE = symbols.get("response");
const STATUS = symbols.get("serve fast status");
const BODY = symbols.get("serve fast body");
const HEADER_KIND = symbols.get("serve fast header kind");
const CONTENT_TYPE = symbols.get("serve fast content type");
/** Makes bodies, where the engine keeps whole ones as it is thought to. */
const Body = bodyConstructor();

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
    RESPONSE === undefined || Body === null || STATUS === undefined ||
    BODY === undefined || HEADER_KIND === undefined ||
    CONTENT_TYPE === undefined
  ) {
    return new Response(typeof body === "string" ? ownBytes(body) : body, {
      status,
      headers,
    });
  }
  const isWhole = typeof body === "string" || body instanceof Uint8Array;
  const response = new Response(isWhole ? null : body) as
    & Response
    & Record<symbol, unknown>;
  const inner = engineResponseOf(response, RESPONSE);
  inner.status = status;
  inner.headerList = headers;
  if (isWhole) {
    inner.body = new Body({ body, consumed: false });
    if (headers.length === 1 && isContentType(headers[0][0])) {
      response[STATUS] = status;
      response[BODY] = body;
      response[HEADER_KIND] = CONTENT_TYPE_ONLY;
      response[CONTENT_TYPE] = headers[0][1];
    }
  }
  return response;
}

function isContentType(name: string): boolean {
  return name.length === 12 && name.toLowerCase() === "content-type";
}

function engineResponseOf(response: Response, symbol: symbol): EngineResponse {
  return (response as unknown as Record<symbol, EngineResponse>)[symbol];
}

function bodyConstructor():
  | (new (whole: EngineBody["streamOrStatic"]) => EngineBody)
  | null {
  const body = RESPONSE && engineResponseOf(PROBE, RESPONSE).body;
  return body?.streamOrStatic?.body instanceof Uint8Array
    ? body.constructor as ReturnType<typeof bodyConstructor>
    : null;
}
