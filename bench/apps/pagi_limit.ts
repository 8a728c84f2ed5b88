/**
 * The engine's limit for apps of this protocol: the apps of `pagi.ts`, called by
 * the least that can stand between them and `Deno.serve`:
 * `pagi_limit.ts PORT [CERTIFICATE KEY]`.
 *
 * It does what no server of this protocol can leave out:
 * - it reads method, target and each header field, of which it counts the bytes;
 * - it makes a scope of what the head says, calls the app, and answers when the
 *   app has sent the end;
 * - a stream and a WebSocket hold back an app that is faster than its client.
 *
 * It takes the fast ways into the engine that ours has found, those of
 * `src/engine`, and nothing else of ours. It leaves out the checks of what the
 * app sends, timeouts, limits of bodies and queues, what apps may do later or
 * wrongly, shutting down, counters, and all that ours has as options.
 *
 * @module
 */

import { lowerNames, ownHeaders } from "../../src/engine/request.ts";
import { engineResponse } from "../../src/engine/response.ts";
import {
  type PendingRead,
  type ReadTaker,
  takeReads,
} from "../../src/engine/stream.ts";
import type {
  HeaderList,
  ReceiveEvent,
  Scope,
  Send,
  SendEvent,
} from "../../src/pagi/types.ts";
import app from "./pagi.ts";
import { accessLog, guard } from "./limit_of_work.ts";
import { serve } from "./serve.ts";

const DONE = Promise.resolve();
const MAX_HEAD = 64 * 1024;
const MAX_FIELDS = 100;
const MAX_MESSAGE = 1 << 20;
/** Bytes that may wait for a client before the app has to. */
const HIGH_MARK = 64 * 1024;
/** By HTTP/2, one answer in so many is a stream. */
const WATCHED = 340;
const NONE: HeaderList = [];
const NO_BODY: ReceiveEvent = {
  type: "http.request",
  body: new Uint8Array(),
  more: 0,
};
const PAGI = { version: "0.3", spec_version: "0.3" };
const EXTENSIONS = { fullflush: {} };
const EVENT_STREAM: HeaderList = [
  ["content-type", "text/event-stream"],
  ["cache-control", "no-cache"],
];
const encoder = new TextEncoder();

const [port, certificate, key] = Deno.args;
const server: [string, number] = ["127.0.0.1", Number(port)];
const scheme = certificate === undefined ? "http" : "https";
const log = accessLog();
const watch = guard();

type Kind = "http" | "sse" | "websocket";

/** What the fields ask for; null if they are too many or too long. */
function kindOf(fields: HeaderList): Kind | null {
  let kind: Kind = "http";
  let size = 0;
  for (let i = 0; i < fields.length; i++) {
    const [name, value] = fields[i];
    size += name.length + value.length;
    if (name === "upgrade" && value === "websocket") kind = "websocket";
    if (name === "accept" && value.includes("text/event-stream")) kind = "sse";
  }
  return size > MAX_HEAD || fields.length > MAX_FIELDS ? null : kind;
}

function scopeOf(type: Kind, request: Request, headers: HeaderList): Scope {
  const { url } = request;
  const target = url.slice(url.indexOf("/", "https://".length));
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    type,
    pagi: PAGI,
    http_version: certificate === undefined ? "1.1" : "2",
    method: request.method,
    scheme,
    path: path.includes("%") ? decodeURIComponent(path) : path,
    raw_path: path,
    query_string: mark < 0 ? "" : target.slice(mark + 1),
    root_path: "",
    headers,
    server,
    extensions: EXTENSIONS,
  } as unknown as Scope;
}

function handle(
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
): Response | Promise<Response> {
  watch?.admit();
  const fields = ownHeaders(request) ?? [...request.headers];
  const kind = lowerNames(fields) ? kindOf(fields) : null;
  if (kind === null) return new Response(null, { status: 431 });
  const scope = scopeOf(kind, request, fields);
  const answer = kind === "http"
    ? serveHttp(scope, info)
    : kind === "sse"
    ? serveSse(scope)
    : serveWebSocket(scope, request);
  log?.write(info);
  return answer;
}

function serveHttp(
  scope: Scope,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let status = 200;
    let headers = NONE;
    const send: Send = (event) => {
      if (event.type === "http.response.start") {
        status = event.status;
        headers = event.headers ?? NONE;
      } else if (event.type === "http.response.body") {
        const body = "body" in event ? event.body as string ?? null : null;
        resolve(
          certificate === undefined
            ? engineResponse(body, status, headers)
            : byHttp2(body, status, headers, info),
        );
      } else return Promise.reject(new TypeError("no event of HTTP"));
      return DONE;
    };
    app(scope, () => Promise.resolve(NO_BODY), send).catch(reject);
  });
}

/**
 * What our promises for HTTP/2 cost in this engine: the address tells connections
 * apart, and only of a stream does the engine say whether its client takes it.
 */
function byHttp2(
  body: string | null,
  status: number,
  headers: HeaderList,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
): Response {
  void info.remoteAddr.port;
  if (body === null || Math.random() * WATCHED >= 1) {
    return engineResponse(body, status, headers);
  }
  info.completed.catch(() => {});
  const stream = new Outgoing(() => {});
  stream.write(encoder.encode(body));
  stream.end();
  return engineResponse(stream.stream, status, headers);
}

/** A body that the engine reads and the app writes. */
class Outgoing implements ReadTaker, UnderlyingDefaultSource<Uint8Array> {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #left: () => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #read: PendingRead | null = null;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #drained: Promise<void> | null = null;
  #drain = (): void => {};

  constructor(left: () => void) {
    this.#left = left;
    this.stream = new ReadableStream<Uint8Array>(this, {
      highWaterMark: 0,
    }) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    takeReads(controller, this);
  }

  cancel(): void {
    this.#left();
  }

  write(chunk: Uint8Array): Promise<void> {
    const read = this.#read;
    if (read !== null) {
      this.#read = null;
      read.chunkSteps(chunk);
      return DONE;
    }
    this.#waiting.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < HIGH_MARK) return DONE;
    return this.#drained ??= new Promise((resolve) => (this.#drain = resolve));
  }

  end(): void {
    this.#ended = true;
    this.take(this.#read);
  }

  take(read: PendingRead | null): void {
    this.#read = read;
    const chunk = this.#waiting[0];
    if (chunk !== undefined) {
      this.#read = null;
      this.#waiting.shift();
      this.#bytes -= chunk.length;
      read?.chunkSteps(chunk);
      if (this.#drained !== null && this.#bytes < HIGH_MARK) {
        this.#drained = null;
        this.#drain();
      }
    } else if (this.#ended && read !== null) {
      this.#controller.close();
      read.closeSteps();
    }
  }
}

/** The last event, which a broadcast sends to many, and its bytes. */
let lastData = "";
let lastBytes = new Uint8Array();

function eventBytes(data: string): Uint8Array {
  if (data === lastData) return lastBytes;
  lastData = data;
  const text = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join(
    "",
  );
  return lastBytes = encoder.encode(`${text}\n`);
}

function serveSse(scope: Scope): Promise<Response> {
  return new Promise((resolve, reject) => {
    let leave = (_: ReceiveEvent): void => {};
    const left = new Promise<ReceiveEvent>((resolve) => (leave = resolve));
    const body = new Outgoing(() =>
      leave({ type: "sse.disconnect", reason: "" })
    );
    const send: Send = (event) => {
      if (event.type === "sse.send") return body.write(eventBytes(event.data));
      if (event.type === "sse.start") {
        resolve(engineResponse(body.stream, 200, EVENT_STREAM));
      }
      return DONE;
    };
    app(scope, () => left, send).catch(reject);
  });
}

/** Messages of a client that wait for the app, or an app that waits for them. */
class Inbox {
  #waiting: ReceiveEvent[] = [{ type: "websocket.connect" }];
  #take: ((event: ReceiveEvent) => void) | null = null;
  socket: WebSocket | null = null;

  handleEvent({ data }: MessageEvent<string | ArrayBuffer>): void {
    if (typeof data !== "string") {
      this.push({ type: "websocket.receive", bytes: new Uint8Array(data) });
    } else if (data.length > MAX_MESSAGE) this.socket!.close(1009);
    else this.push({ type: "websocket.receive", text: data });
  }

  push(event: ReceiveEvent): void {
    const take = this.#take;
    if (take === null) this.#waiting.push(event);
    else {
      this.#take = null;
      take(event);
    }
  }

  receive(): Promise<ReceiveEvent> {
    const event = this.#waiting.shift();
    return event === undefined
      ? new Promise((resolve) => (this.#take = resolve))
      : Promise.resolve(event);
  }
}

function serveWebSocket(scope: Scope, request: Request): Promise<Response> {
  return new Promise((resolve, reject) => {
    const inbox = new Inbox();
    let socket: WebSocket;
    const send = (event: SendEvent): Promise<void> => {
      if (event.type === "websocket.send") {
        socket.send((event.text ?? event.bytes) as string);
        return socket.bufferedAmount < HIGH_MARK ? DONE : drained(socket);
      }
      if (event.type !== "websocket.accept") return DONE;
      const upgraded = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
      socket = inbox.socket = upgraded.socket;
      socket.binaryType = "arraybuffer";
      socket.addEventListener("message", inbox as EventListenerObject);
      socket.addEventListener("close", ({ code, reason }) => {
        inbox.push({ type: "websocket.disconnect", code, reason });
      });
      resolve(upgraded.response);
      return new Promise((resolve) => {
        socket.addEventListener("open", () => resolve());
      });
    };
    app(scope, () => inbox.receive(), send).catch(reject);
  });
}

/** The engine says nothing when it has written what waits. */
async function drained(socket: WebSocket): Promise<void> {
  while (socket.bufferedAmount >= HIGH_MARK) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

serve(handle, port, certificate, key);
