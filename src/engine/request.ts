/**
 * What the engine knows of a request and does not offer: its header list as
 * it came, the body of a GET, and a body that is here already.
 *
 * The public `request.headers` sorts the fields and joins equal names, and
 * reading it moves the reply off the engine's short path. The list itself
 * hangs on the request under a symbol. Where a later engine moves it, the
 * public view serves, with order and duplicates lost (PAGI.md 9).
 *
 * @module
 */

import { isToken } from "../http/headers.ts";
import { memo } from "../http/memo.ts";
import type { HeaderList } from "../pagi/types.ts";

interface EngineRequest {
  readonly headerList?: HeaderList;
  method?: string;
  readonly body?: EngineBody | null;
}

/** A body: bytes that came together with the head, or a stream. */
interface EngineBody {
  readonly streamOrStatic?: { readonly body?: unknown; consumed?: boolean };
}

const PROBE = new Request("http://localhost/");
const ENGINE_REQUEST = Object.getOwnPropertySymbols(PROBE).find((symbol) =>
  symbol.description === "request"
);

function engineRequest(request: Request): EngineRequest | undefined {
  return ENGINE_REQUEST === undefined
    ? undefined
    : (request as unknown as Record<symbol, EngineRequest>)[ENGINE_REQUEST];
}

/**
 * A field's name in lower case. The engine lets names into HTTP/2 that are no
 * tokens: "" stands for them.
 */
const lower = memo((name) => isToken(name) ? name.toLowerCase() : "");

/**
 * The request's header fields with lower-case names, in the order in which
 * they came where the engine tells, each field on its own (PAGI.md 3.1). A
 * name that is no token is "".
 */
export function headerList(request: Request): HeaderList {
  const list = engineRequest(request)?.headerList;
  if (!Array.isArray(list)) return [...request.headers];
  for (const field of list) field[0] = lower(field[0]);
  return list;
}

/**
 * The body of a request. A GET or HEAD may have one (RFC 9110, 9.3.1), which
 * the engine hides, as fetch asks for; so it is asked under another method.
 * To be called instead of reading `request.body`, not after it.
 *
 * @returns The bytes where all of them are here: they need no stream, which
 * takes the engine as long as all else of the request.
 */
export function bodyOf(
  request: Request,
): Uint8Array | ReadableStream<Uint8Array> | null {
  const { method } = request;
  const hidden = (method === "GET" || method === "HEAD") &&
    headerList(request).some(([name]) =>
      name === "content-length" || name === "transfer-encoding"
    );
  const engine = engineRequest(request);
  if (!hidden || engine === undefined) return wholeOrStream(request, engine);
  Object.defineProperty(engine, "method", {
    value: "POST",
    configurable: true,
  });
  const body = wholeOrStream(request, engine);
  delete engine.method;
  return body;
}

function wholeOrStream(
  request: Request,
  engine: EngineRequest | undefined,
): Uint8Array | ReadableStream<Uint8Array> | null {
  const source = engine?.body?.streamOrStatic;
  if (!(source?.body instanceof Uint8Array) || source.consumed !== false) {
    return request.body;
  }
  source.consumed = true;
  return source.body;
}
