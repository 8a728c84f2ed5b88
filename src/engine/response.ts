/**
 * The inner parts of responses, which are faster than the public constructor.
 *
 * `new Response(body, { headers })` checks and copies every field again, and
 * registers a native copy with the garbage collector: 6 µs for five fields, more
 * than all other work of the server for a request. The server has checked the
 * fields already, so it sets the properties that the engine reads (measured in
 * bench/PROFILE.md).
 */

import type { HeaderList } from "../pagi/types.ts";
import { Door } from "./door.ts";

/** The body of a response: complete, or a stream of chunks. */
export type Payload =
  | string
  | Uint8Array<ArrayBuffer>
  | ReadableStream<Uint8Array<ArrayBuffer>>;

const ENCODER = new TextEncoder();

/** The engine's object for a response, its property with the symbol "response". */
interface EngineResponse {
  readonly type: "default";
  readonly body: EngineBody | null;
  headerList: HeaderList;
  readonly urlList: readonly string[];
  status: number;
  readonly statusMessage: string;
  readonly aborted: boolean;
  readonly bodyDecoded: boolean;
  readonly url: () => string | null;
}

/** A complete body in it. */
interface EngineBody {
  readonly streamOrStatic: { body: Uint8Array | string; consumed: boolean };
}

/** The descriptions of the symbols of all properties of a response. */
const PARTS = [
  "[[webidl.brand]]",
  "response",
  "headers",
  "headers guard",
  "serve fast status",
  "serve fast body",
  "serve fast header kind",
  "serve fast content type",
  "serve fast consumed",
  "serve native response",
  "lazy static body",
  "lazy static content type",
];
const INNER_PARTS =
  "type body headerList urlList status statusMessage aborted bodyDecoded url";
/** The engine's kinds of header lists: any, and a content-type alone. */
const [ANY, CONTENT_TYPE_ALONE] = [0, 2];

/** The engine's class: apps may replace the global one, as @hono/node-server. */
const { Response } = globalThis;

const PROBE = new Response(new Uint8Array()) as Response & Parts;
type Parts = Record<symbol, unknown>;

const symbols = new Map(
  Object.getOwnPropertySymbols(PROBE).map((symbol) => [
    symbol.description,
    symbol,
  ]),
);
const [
  BRAND,
  RESPONSE,
  HEADERS,
  GUARD,
  FAST_STATUS,
  FAST_BODY,
  FAST_KIND,
  FAST_TYPE,
  FAST_CONSUMED,
  NATIVE,
  LAZY_BODY,
  LAZY_TYPE,
] = PARTS.map((part) => symbols.get(part) ?? Symbol(part));
const INNER = PROBE[RESPONSE] as EngineResponse | undefined;
/** The engine's class of bodies. */
const Body = INNER?.body?.constructor as new (
  whole: EngineBody["streamOrStatic"],
) => EngineBody;
/** Open where the inner parts of responses can be read and made. */
export const RESPONSE_PARTS = new Door({
  name: "response parts",
  gives: "responses whose fields are not checked and copied a second time",
  otherwise: "small responses take longer",
  source: "denoland/deno ext/fetch/23_response.js",
}, () =>
  Reflect.ownKeys(PROBE).length === PARTS.length &&
  PARTS.every((part) => symbols.has(part)) && INNER !== undefined &&
  Object.keys(INNER).join(" ") === INNER_PARTS &&
  INNER.body?.streamOrStatic.body instanceof Uint8Array);

/**
 * True for a response that the engine can send as it is: a complete body, not
 * read, with status 200 and no field but `content-type`.
 */
export function isPlain(response: unknown): response is Response {
  const parts = response as Parts | null | undefined;
  if (typeof parts !== "object" || parts === null) return false;
  if (parts[FAST_BODY] == null || parts[FAST_STATUS] !== 200) return false;
  const { body } = parts[RESPONSE] as EngineResponse;
  return parts[FAST_CONSUMED] === false &&
    (body === null || body.streamOrStatic.consumed === false);
}

/** The body of a plain response. */
export function plainBody(response: Response): string | Uint8Array {
  return (response as Response & Parts)[FAST_BODY] as string | Uint8Array;
}

/**
 * The body of a response, null for none. Unlike `response.body`, this makes no
 * stream of a complete body.
 */
export function bodyOf(response: Response): Payload | null {
  if (!RESPONSE_PARTS.isOpen) return response.body;
  const parts = response as Response & Parts;
  const lazy = parts[LAZY_BODY];
  if (typeof lazy === "string" || lazy instanceof Uint8Array) {
    return lazy as Payload;
  }
  const source = (parts[RESPONSE] as EngineResponse).body?.streamOrStatic;
  if (source == null) return null;
  return "body" in source
    ? source.body as Payload
    : source as unknown as Payload;
}

/**
 * The header fields of a response as they will be sent, without the
 * `content-type` of a plain one; do not change them.
 */
export function fieldsOf(response: Response): HeaderList {
  const inner = (response as Response & Parts)[RESPONSE] as EngineResponse;
  return inner.bodyDecoded
    ? inner.headerList.filter(([name]) => !OF_CODED_BODY.has(name))
    : inner.headerList;
}

/**
 * The stream of a response that the engine can send as it is: not read, with
 * status 200; null of another response. Its fields are those of `fieldsOf`.
 */
export function streamOf(
  response: Response,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const inner = (response as Response & Parts)[RESPONSE] as
    | EngineResponse
    | undefined;
  if (inner === undefined || inner.status !== 200 || inner.bodyDecoded) {
    return null;
  }
  const stream: unknown = inner.body?.streamOrStatic;
  if (!(stream instanceof ReadableStream) || stream.locked) return null;
  return response.bodyUsed ? null : stream;
}

/** True for a response whose body has been read, or is being read. */
export function isUsed(response: Response): boolean {
  const parts = response as Response & Parts;
  const inner = parts[RESPONSE] as EngineResponse | undefined;
  if (inner === undefined || !RESPONSE_PARTS.isOpen) return response.bodyUsed;
  const source = inner.body?.streamOrStatic as
    | ReadableStream
    | EngineBody["streamOrStatic"]
    | undefined;
  if (source === undefined) return parts[FAST_CONSUMED] === true;
  return source instanceof ReadableStream
    ? source.locked || response.bodyUsed
    : source.consumed;
}

/** Fields that do not apply after the engine has decompressed the body. */
export const OF_CODED_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "transfer-encoding",
]);

/** All of its fields; the engine sends it from their list from now on. */
export function shownFields(response: Response): HeaderList {
  return response.headers && fieldsOf(response);
}

const NO_URLS: readonly string[] = [];

/** What `new Response` creates for a complete body, or none (null). */
class WholeResponse {
  [part: symbol]: unknown;

  constructor(
    body: string | Uint8Array | null,
    status: number,
    headers: HeaderList,
  ) {
    const alone = headers.length === 1 && body !== null &&
      isContentType(headers[0][0]);
    const inner: EngineResponse = {
      type: "default",
      // With a content-type alone the engine adds what is missing on demand.
      body: alone || body === null ? null : new Body({ body, consumed: false }),
      headerList: alone ? [] : headers,
      urlList: NO_URLS,
      status,
      statusMessage: "",
      aborted: false,
      bodyDecoded: false,
      url: noUrl,
    };
    this[BRAND] = PROBE[BRAND];
    this[RESPONSE] = inner;
    this[HEADERS] = null;
    this[GUARD] = PROBE[GUARD];
    this[FAST_STATUS] = alone ? status : 0;
    this[FAST_BODY] = alone ? body : null;
    this[FAST_KIND] = alone ? CONTENT_TYPE_ALONE : ANY;
    this[FAST_TYPE] = alone ? headers[0][1] : null;
    this[FAST_CONSUMED] = false;
    this[NATIVE] = null;
    this[LAZY_BODY] = alone ? body : null;
    this[LAZY_TYPE] = alone ? headers[0][1] : null;
  }
}
Object.setPrototypeOf(WholeResponse.prototype, Response.prototype);

/**
 * Creates a response with fields that were checked: names are tokens, values have
 * no control characters.
 *
 * @param body null for none; bytes must not change until they are written
 */
export function engineResponse(
  body: Payload | null,
  status: number,
  headers: HeaderList,
): Response {
  if (!RESPONSE_PARTS.isOpen) return publicResponse(body, status, headers);
  if (
    typeof body === "string" || body instanceof Uint8Array || body === null
  ) {
    return new WholeResponse(body, status, headers) as unknown as Response;
  }
  const response = new Response(body) as Response & Parts;
  // The engine knows streams that it has made of a whole body.
  if (response[FAST_BODY] !== null) void response.headers;
  const inner = response[RESPONSE] as EngineResponse;
  inner.status = status;
  inner.headerList = headers;
  return response;
}

/** The same by the public constructor, which is fastest with a record. */
function publicResponse(
  body: Payload | null,
  status: number,
  headers: HeaderList,
): Response {
  const names = headers.map(([name]) => name.toLowerCase());
  const isRecord = new Set(names).size === names.length;
  // The constructor adds a content-type to a string that has none.
  const isTyped = typeof body !== "string" || names.includes("content-type");
  return new Response(isTyped ? body : ENCODER.encode(body), {
    status,
    headers: isRecord ? Object.fromEntries(headers) : headers,
  });
}

/**
 * True for a response from `fetch` whose body the engine has decompressed, though
 * its fields are still those of the upstream (denoland/deno#20548). Only this
 * flag shows that: the engine does not decompress all bodies.
 */
export function isDecoded(response: Response): boolean {
  const inner = (response as Response & Parts)[RESPONSE] as
    | EngineResponse
    | undefined;
  return inner?.bodyDecoded === true;
}

function isContentType(name: string): boolean {
  return name.length === 12 && name.toLowerCase() === "content-type";
}

function noUrl(): null {
  return null;
}
