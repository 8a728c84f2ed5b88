/**
 * The parts of a request that no public API gives: its header list as it was
 * sent, the body of a GET, a body that has arrived already, the HTTP version, and
 * what reads its body.
 */

import { isToken } from "../http/headers.ts";
import { memo } from "../http/memo.ts";
import type { HeaderList } from "../pagi/types.ts";
import { Door, symbolOf } from "./door.ts";

/** The engine's object for a request, its property with the symbol "request". */
interface EngineRequest {
  readonly headerList: unknown;
  readonly body: EngineBody | null;
  readonly url?: unknown;
  /** A small body as text; null when it has not arrived. */
  readonly consumeTextBody?: () => string | null;
  /** Calls back when the client has left, or the response is complete. */
  readonly onCancel?: (callback: () => void) => void;
}

/** A body: bytes that arrived with the head, or a stream. */
interface EngineBody {
  streamOrStatic?:
    | { readonly body?: unknown; consumed?: unknown }
    | ReadableStream<Uint8Array>;
}

const REQUEST = symbolOf(new Request("http://localhost/"), "request");

function engineRequest(request: Request): EngineRequest | undefined {
  return REQUEST === undefined
    ? undefined
    : (request as unknown as Record<symbol, EngineRequest | undefined>)[
      REQUEST
    ];
}

const FIELDS = new Door({
  name: "request header list",
  gives: "header fields in the order in which they were sent, each on its own",
  otherwise: "header fields are sorted, and equal names joined",
  source: "denoland/deno#21637",
}, () => {
  const headers: HeaderList = [["X-B", "1"], ["X-A", "2"], ["x-b", "3"]];
  const probe = new Request("http://localhost/", { headers });
  // Not by `ownList`: V8 compiles that for the requests of the engine's server,
  // and one of another class made a 16-byte reply 20 % slower (PROFILE.md).
  const list: unknown = Reflect.get(engineRequest(probe)!, "headerList");
  return Array.isArray(list) && Array.isArray(list[0]) &&
    list.flat().join().toLowerCase() === "x-b,1,x-a,2,x-b,3";
});

/**
 * The request's header fields in the order in which they were sent, each on its
 * own (PAGI.md 3.1); the names in lower case or as sent.
 *
 * The public `request.headers` sorts the fields and joins equal names, and the
 * engine sends the response of a request more slowly once it was read.
 */
export function sentHeaders(request: Request): HeaderList {
  if (FIELDS.isOpen) {
    const list = ownList(request);
    if (list !== null) return list;
    FIELDS.misfit();
  }
  return [...request.headers];
}

/** The same for a request of the engine's server; null while the door is shut. */
export function ownHeaders(request: Request): HeaderList | null {
  return FIELDS.isOpen
    ? engineRequest(request)?.headerList as HeaderList ?? null
    : null;
}

/** The engine's list; null if it has another shape. */
function ownList(request: Request): HeaderList | null {
  try {
    const list = engineRequest(request)?.headerList;
    if (!Array.isArray(list)) return null;
    for (let i = 0; i < list.length; i++) {
      const field = list[i];
      const name: unknown = field[0];
      if (typeof name !== "string" || typeof field[1] !== "string") return null;
      // Throws if the field is frozen: `lowerNames` changes it.
      field[0] = name;
    }
    return list;
  } catch {
    return null;
  }
}

/** A name in lower case; "" if it is not a token (RFC 9110, 5.6.2). */
const lower = memo((name) => isToken(name) ? name.toLowerCase() : "");
/** The first names of the last requests, as they were sent … */
const lastNames: string[] = [];
/** … and in lower case. */
const lastLower: string[] = [];
/** So many are cached. */
const MAX_LAST = 32;

/**
 * Converts the names of header fields to lower case, in place.
 *
 * Clients repeat the same fields in the same order. Comparing a name with the one
 * at that place in the last request takes a third of the time of a lookup in a
 * map, which must compute the hash of each string that the engine creates.
 *
 * @returns false if a name is not a token: it becomes ""
 */
export function lowerNames(list: HeaderList): boolean {
  let areTokens = true;
  for (let i = 0; i < list.length; i++) {
    const field = list[i];
    const name = field[0];
    if (name === lastNames[i]) field[0] = lastLower[i];
    else {
      field[0] = lower(name);
      if (field[0] === "") areTokens = false;
      else if (i < MAX_LAST) {
        lastNames[i] = name;
        lastLower[i] = field[0];
      }
    }
  }
  return areTokens;
}

const BYTES = new Door({
  name: "request body bytes",
  gives: "a body that arrived together with its head, without a stream",
  otherwise: "small bodies of requests take longer",
  source: "denoland/deno ext/fetch/22_body.js, InnerBody",
}, () => {
  const probe = post(new Uint8Array(1));
  return takeBytes(engineRequest(probe))?.byteLength === 1 &&
    probe.bodyUsed && takeBytes(engineRequest(post("text"))) === null;
});

function post(body: BodyInit): Request {
  return new Request("http://localhost/", { method: "POST", body });
}

const BODY_OF_GET = new Door({
  name: "body of GET",
  gives: "the body of a GET or HEAD, which may have one (RFC 9110, 9.3.1)",
  otherwise: "GET and HEAD have no body",
  source: "denoland/deno ext/http/00_serve.ts, InnerRequest.body",
}, () => {
  const inner = engineRequest(new Request("http://localhost/"))!;
  const methods: unknown[] = [];
  const method = (): unknown => methods.push(Reflect.get(inner, "method"));
  method();
  asPost(inner, method);
  method();
  return methods.join() === "GET,POST,GET";
});

/**
 * The body of a request. A GET or HEAD may have one, which the engine hides as
 * fetch demands; so it is read under another method. Call this instead of reading
 * `request.body`, not after it.
 *
 * @returns the bytes if all of them have arrived: to create a stream takes the
 * engine as long as the rest of the request
 */
export function bodyOf(
  request: Request,
): Uint8Array | ReadableStream<Uint8Array> | null {
  const { method } = request;
  const inner = engineRequest(request);
  const isHidden = BODY_OF_GET.isOpen &&
    (method === "GET" || method === "HEAD") && announcesBody(request);
  if (!isHidden || inner === undefined) return bytesOrStream(request, inner);
  try {
    return asPost(inner, () => bytesOrStream(request, inner));
  } catch {
    BODY_OF_GET.misfit();
    return bytesOrStream(request, inner);
  }
}

function announcesBody(request: Request): boolean {
  return sentHeaders(request).some(([name]) =>
    /^(content-length|transfer-encoding)$/i.test(name)
  );
}

/** Runs `read` while the engine's object has the method POST. */
function asPost<T>(inner: object, read: () => T): T {
  const before = Object.getOwnPropertyDescriptor(inner, "method");
  Object.defineProperty(inner, "method", { value: "POST", configurable: true });
  try {
    return read();
  } finally {
    if (before === undefined) Reflect.deleteProperty(inner, "method");
    else Object.defineProperty(inner, "method", before);
  }
}

function bytesOrStream(
  request: Request,
  inner: EngineRequest | undefined,
): Uint8Array | ReadableStream<Uint8Array> | null {
  return (BYTES.isOpen ? takeBytes(inner) : null) ?? request.body;
}

/** The bytes of an unread body; null for a stream, or a body that was read. */
function takeBytes(inner: EngineRequest | undefined): Uint8Array | null {
  try {
    const source = inner?.body?.streamOrStatic;
    if (source === undefined || !("consumed" in source)) return null;
    if (source.consumed !== false) return null;
    if (!(source.body instanceof Uint8Array)) return null;
    source.consumed = true;
    return source.body;
  } catch {
    return null;
  }
}

const [MAJOR, MINOR] = Deno.version.deno.split(".").map(Number);
const VERSION = new Door(
  {
    name: "HTTP version",
    gives: "which requests without Host came by HTTP/1, to be refused with 400",
    otherwise: "a request of HTTP/1 without Host passes for one of HTTP/2",
    source: "denoland/deno ext/http/00_serve.ts, nativeDispatch",
  },
  () =>
    (MAJOR > 2 || MAJOR === 2 && MINOR >= 9) && "captureStackTrace" in Error,
);

/** What V8 adds to `Error`; the types of Deno 2.7 have a part of it. */
const V8_ERROR = Error as unknown as {
  stackTraceLimit: number;
  prepareStackTrace?: (
    error: unknown,
    frames: readonly { getFunctionName(): string | null }[],
  ) => unknown;
  captureStackTrace(target: object): void;
};

/**
 * True when the request of this handler came by HTTP/1: only then the handler is
 * called through `nativeDispatch`, according to the stack. Takes 10 to 70 µs.
 * Call it before the handler first awaits.
 */
export function isHttp1(): boolean {
  if (!VERSION.isOpen) return false;
  const trace: { stack?: unknown } = {};
  const { prepareStackTrace, stackTraceLimit } = V8_ERROR;
  // Names alone: the engine's text of a stack takes three times as long.
  V8_ERROR.prepareStackTrace = (_, frames) =>
    frames.some((frame) => frame.getFunctionName() === "nativeDispatch");
  V8_ERROR.stackTraceLimit = 50;
  V8_ERROR.captureStackTrace(trace);
  const { stack } = trace;
  V8_ERROR.prepareStackTrace = prepareStackTrace;
  V8_ERROR.stackTraceLimit = stackTraceLimit;
  return stack === true;
}

/**
 * Shuts the doors that do not fit a request from the engine's server. It must be
 * a GET by HTTP/1 without Host, whose first fields are `x-b: 1`, `x-a: 2` and
 * `x-b: 3`, and whose body arrived with its head.
 */
export function tryRequest(request: Request): void {
  VERSION.check(isHttp1);
  // Sorted, because Deno before 2.9 moves equal names together.
  FIELDS.check(() =>
    ownList(request)?.slice(0, 3).sort().join().toLowerCase() ===
      "x-a,2,x-b,1,x-b,3"
  );
  BODY_READS.check(() =>
    typeof bodyGetter(engineRequest(request)!) === "function"
  );
  CANCEL.check(() => typeof engineRequest(request)?.onCancel === "function");
  const body = bodyOf(request);
  BYTES.check(() => body instanceof Uint8Array);
  BODY_OF_GET.check(() => body !== null);
}

/** The callbacks when the body of a request is read. */
export interface BodyTaker {
  /** The whole body has arrived. False if it is too large. */
  takesWhole(body: string | Uint8Array): boolean;
  /** The stream that is to be read instead of the engine's. */
  replace(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
}

/** Open where `takeBody` works. */
export const BODY_READS = new Door({
  name: "request body reads",
  gives: "the body of a fetch handler's request, counted where it is read",
  otherwise: "requests reach fetch handlers by way of a scope",
  source: "denoland/deno ext/http/00_serve.ts, InnerRequest.body",
}, () => REQUEST !== undefined);

/** The getter of the body, of the class of the engine's objects. */
function bodyGetter(engine: EngineRequest): (() => unknown) | undefined {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(engine), "body")
    ?.get;
}

/** The property with the taker of such an object, until it is called. */
const TAKER = Symbol("body taker");
type TakenRequest = EngineRequest & { [TAKER]: BodyTaker | null };

/**
 * Calls `taker` when the body of a request is read, by whatever method: all use
 * the engine's object for the request. A body that is not read costs no more than
 * this call.
 *
 * @returns false where that object is hidden
 */
export function takeBody(request: Request, taker: BodyTaker): boolean {
  const engine = engineRequest(request);
  if (engine === undefined || !Object.isExtensible(engine)) return false;
  if (!(TAKER in engine) && !passReads(engine)) return false;
  (engine as TakenRequest)[TAKER] = taker;
  return true;
}

/**
 * Replaces the getter of the engine's class by one that calls the takers. A getter
 * per request would give each object a hidden class of its own: it took 10 µs of
 * a JSON echo (bench/PROFILE.md).
 */
function passReads(engine: EngineRequest): boolean {
  const getBody = bodyGetter(engine);
  if (getBody === undefined) return false;
  const { consumeTextBody } = engine;
  const prototype: object = Object.getPrototypeOf(engine);
  Object.defineProperty(prototype, TAKER, { value: null, writable: true });
  Object.defineProperty(prototype, "body", {
    configurable: true,
    get(this: TakenRequest) {
      const taker = this[TAKER];
      const body = getBody.call(this) as EngineBody | null;
      if (taker === null) return body;
      this[TAKER] = null;
      const source = body?.streamOrStatic;
      if (source instanceof ReadableStream) {
        body!.streamOrStatic = taker.replace(source);
      } else if (
        source?.body instanceof Uint8Array && !taker.takesWhole(source.body)
      ) {
        body!.streamOrStatic = failed();
      }
      return body;
    },
  });
  if (consumeTextBody === undefined) return true;
  Object.defineProperty(prototype, "consumeTextBody", {
    configurable: true,
    value(this: TakenRequest) {
      const taker = this[TAKER];
      const text = consumeTextBody.call(this);
      if (taker === null || text === null) return text;
      this[TAKER] = null;
      if (taker.takesWhole(text)) return text;
      throw tooLong();
    },
  });
  return true;
}

/** The error for the reader of a body that is too large. */
function tooLong(): Error {
  return new TypeError("The request body is too large.");
}

function failed(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (body) => body.error(tooLong()) });
}

/**
 * Replaces the URL of a request, also inside the engine.
 *
 * @returns false where the engine's object for the request is hidden
 */
export function setUrl(request: Request, url: string): boolean {
  const engine = engineRequest(request);
  if (typeof engine?.url !== "function" || !Object.isExtensible(engine)) {
    return false;
  }
  Object.defineProperty(engine, "url", { value: () => url });
  Object.defineProperty(request, "url", { value: url, configurable: true });
  return true;
}

const CANCEL = new Door({
  name: "cancelled requests",
  gives: "a client that leaves while its app waits, without an AbortSignal",
  otherwise: "requests whose apps wait take longer",
  source: "denoland/deno ext/http/00_serve.ts, InnerRequest.onCancel",
}, () => REQUEST !== undefined);

/** The property with the callbacks of such an object. */
const CALLBACKS = Symbol("cancel callbacks");
type Cancellable = EngineRequest & {
  /** Null after the engine's call; undefined before the first callback. */
  [CALLBACKS]: (() => void)[] | null | undefined;
};

/**
 * Calls back when the client of an unanswered request leaves; perhaps also once
 * the request is answered. By HTTP/2 the engine does not report what it saw before
 * this call. An AbortSignal would take many times as long (bench/PROFILE.md).
 */
export function onClientGone(request: Request, callback: () => void): void {
  const engine = engineRequest(request);
  // A request that a program has made itself only has a signal.
  if (
    CANCEL.isOpen && engine !== undefined && Object.isExtensible(engine) &&
    (CALLBACKS in engine || shareCancellation(engine))
  ) return engine.onCancel!(callback);
  const { signal } = request;
  if (signal.aborted) callback();
  else signal.addEventListener("abort", callback, { once: true });
}

/**
 * Replaces the method of the engine's class, which has room for one callback: the
 * first would be told that the client had left when `request.signal` came second.
 */
function shareCancellation(engine: EngineRequest): boolean {
  const { onCancel } = engine;
  if (typeof onCancel !== "function") return false;
  const prototype: object = Object.getPrototypeOf(engine);
  Object.defineProperty(prototype, CALLBACKS, {
    value: undefined,
    writable: true,
  });
  Object.defineProperty(prototype, "onCancel", {
    configurable: true,
    value(this: Cancellable, callback: () => void) {
      const others = this[CALLBACKS];
      if (others === null) return callback();
      if (others !== undefined) return void others.push(callback);
      const callbacks = this[CALLBACKS] = [callback];
      onCancel.call(this, () => {
        this[CALLBACKS] = null;
        for (const one of callbacks) one();
      });
    },
  });
  return true;
}

const SIGNAL_ABORT = symbolOf(AbortSignal.prototype, "[[signalAbort]]");

const ABORT = new Door({
  name: "signal abort",
  gives: "the signal of a fetch handler's request, aborted by the server",
  otherwise: "request.signal aborts only where the engine sees a client leave",
  source: "denoland/deno ext/web/03_abort_signal.js, [[signalAbort]]",
}, () => {
  const { signal } = new AbortController();
  signalAbort(signal);
  return signal.aborted;
});

/**
 * Aborts the signal of a request that the server ends. The engine itself does so
 * only when it sees a client disconnect before the response has begun.
 */
export function abortRequest({ signal }: Request): void {
  if (ABORT.isOpen && !signal.aborted) signalAbort(signal);
}

function signalAbort(signal: AbortSignal): void {
  const reason = new DOMException(
    "The request has been cancelled.",
    "AbortError",
  );
  (signal as unknown as Record<symbol, (reason: unknown) => void>)[
    SIGNAL_ABORT!
  ](reason);
}
