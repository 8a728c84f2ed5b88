/**
 * The protocol as types: what an application receives and what it may send.
 *
 * App authors import these as `@pagi/server/types`. Nothing here does anything
 * at run time.
 *
 * @module
 */

/** A truth value as the server gives it. */
export type Flag = 0 | 1;
/** A truth value as the server accepts it. */
export type FlagIn = Flag | boolean;
/** Bytes as the server accepts them; a string is sent as UTF-8. */
export type BytesIn = Uint8Array | string;
/** Header fields in order; strings hold one byte per code unit (ISO-8859-1). */
export type HeaderList = [name: string, value: string][];
/** What the lifespan scope put there; each request gets a shallow copy. */
export type State = Record<string, unknown>;

/** The versions of the protocol. */
export interface PagiInfo {
  /** `"0.3"`. */
  version: string;
  /** The version of the specification that the server follows. */
  spec_version?: string;
}

/** What is known of a TLS connection. */
export interface TlsInfo {
  /** PEM. */
  server_cert: string | null;
  /** PEM, leaf first. */
  client_cert_chain: string[];
  /** RFC 4514 subject. */
  client_cert_name: string | null;
  /** Why the client's certificate was not accepted. */
  client_cert_error: string | null;
  /** 0x0303, 0x0304. */
  tls_version: number | null;
  /** By its number in the IANA registry. */
  cipher_suite: number | null;
}

/** Optional features of the server; test for the key before use. */
export interface Extensions {
  /** `http.fullflush` may be sent. */
  fullflush?: object;
  /** On TLS connections only. */
  tls?: TlsInfo;
  /** A WebSocket may be denied with a response. */
  "websocket.http.response"?: object;
  /** Extensions of servers and middleware. */
  [name: string]: object | undefined;
}

/** What the scopes of all network connections share. */
export interface NetScope {
  /** The versions of the protocol. */
  pagi: PagiInfo;
  /** The version that the client speaks. */
  http_version: "1.0" | "1.1" | "2";
  /** Percent-decoded; UTF-8, or one code unit per byte where it is not UTF-8. */
  path: string;
  /** As sent, before the first "?". */
  raw_path?: string;
  /** As sent, after the first "?"; "" when missing. */
  query_string: string;
  /** 1 where the target ends with "?"; absent where it does not. */
  "pagi.empty_query"?: Flag;
  /** Where the app is mounted, without a slash at the end; `""` at the top. */
  root_path: string;
  /** Lower-case names, in order; `cookie` fields are joined by `"; "`. */
  headers: HeaderList;
  /** Absent on Unix sockets. */
  client?: [host: string, port: number];
  /** `[path, null]` on Unix sockets. */
  server?: [host: string, port: number | null];
  /** A shallow copy of what the lifespan left; absent without lifespan. */
  state?: State;
  /** What the server can do beside the protocol. */
  extensions: Extensions;
  /** Absent where the server cannot measure its buffer. */
  "pagi.transport"?: PagiTransport;
  /** Messages between connections. */
  "pagi.channels"?: PagiChannels;
  /** The channel of this connection alone. */
  "pagi.channel"?: string;
  /** Keys of middleware: with a prefix of its own. */
  [key: string]: unknown;
}

/** One HTTP request. */
export interface HttpScope extends NetScope {
  /** The discriminant of the union. */
  type: "http";
  /** As sent: names are case-sensitive (RFC 9110, 9.1). */
  method: string;
  /** The scheme of the requested URL. */
  scheme: "http" | "https";
  /** The state of the request. */
  "pagi.connection": PagiConnection;
}

/** One request that accepts `text/event-stream`. */
export interface SseScope extends NetScope {
  /** The discriminant of the union. */
  type: "sse";
  /** As sent; any method may ask for a stream. */
  method: string;
  /** The scheme of the requested URL. */
  scheme: "http" | "https";
}

/** One WebSocket connection. */
export interface WebSocketScope extends NetScope {
  /** The discriminant of the union. */
  type: "websocket";
  /** The scheme of the requested URL. */
  scheme: "ws" | "wss";
  /** What the client offers, the best first; `[]` without an offer. */
  subprotocols: string[];
}

/** Start and stop of one worker or of the single process. */
export interface LifespanScope {
  /** The discriminant of the union. */
  type: "lifespan";
  /** The live object: what the app puts there, requests get copies of. */
  state?: State;
  /** The versions, and which worker this is; null in a single process. */
  pagi: PagiInfo & { is_worker?: Flag; worker_num?: number | null };
  /** Messages between connections, timers and the app itself. */
  "pagi.channels"?: PagiChannels;
  /** The channel of this scope alone. */
  "pagi.channel"?: string;
}

/** Any scope; `type` is the discriminant. */
export type Scope = HttpScope | SseScope | WebSocketScope | LifespanScope;

/** What `receive()` yields. */
export type ReceiveEvent =
  | { type: "http.request" | "sse.request"; body: Uint8Array; more: Flag }
  | { type: "http.disconnect" | "websocket.connect" }
  | { type: "websocket.receive"; text: string; bytes?: undefined }
  | { type: "websocket.receive"; bytes: Uint8Array; text?: undefined }
  | { type: "websocket.disconnect"; code: number; reason: string }
  | { type: "sse.disconnect"; reason: string }
  | { type: "lifespan.startup" | "lifespan.shutdown" }
  | ChannelEvent;

/** What comes from the channels that a scope has subscribed to. */
export type ChannelEvent =
  /** A JSON value, frozen, or bytes. */
  | { type: "channel.message"; channel: string; message: unknown }
  /** Messages lost before the next one; null if the number is unknown. */
  | { type: "channel.gap"; channel: string; missed: number | null };

/**
 * Messages between connections, of all workers and machines (docs/channels.md).
 * What comes from channels that the scope has subscribed to, its `receive()`
 * yields: {@linkcode ChannelEvent}. The end of the scope unsubscribes.
 */
export interface PagiChannels {
  /**
   * Sends a JSON value or bytes to all that have subscribed; never waits.
   * Rejects when the name or the message cannot be one.
   *
   * @param options `exclude`: own channels of connections to leave out.
   */
  publish(
    channel: string,
    message: unknown,
    options?: { exclude?: string | readonly string[] },
  ): Promise<void>;
  /** Sends to the own channel of one connection (`pagi.channel`). */
  send(channel: string, message: unknown): Promise<void>;
  /**
   * Subscribes to a channel, and with the first to the connection's own; again
   * without effect. Resolves when messages of other workers arrive too, and of
   * other machines as far as the broker can be reached.
   */
  subscribe(channel: string): Promise<void>;
  /** Ends that; without effect where there is none. */
  unsubscribe(channel: string): Promise<void>;
}

/** An open file that the app owns; `Deno.FsFile` fits. */
export interface FileHandle {
  /** Reads up to `into.length` bytes; null at the end of the file. */
  read(into: Uint8Array): Promise<number | null>;
  /** Moves to `offset` bytes from the start; without it the server reads on. */
  seek?(offset: number, whence: 0): Promise<number>;
  /** Called at the end by a server that is to close it. */
  close?(): void;
}

/** Which part of a file to send. */
export interface Slice {
  /** Bytes from the start (0). */
  offset?: number;
  /** Bytes (to the end of the file). */
  length?: number;
  /** Without effect: a file completes the body. */
  more?: FlagIn;
}

/** The status line and header fields of a response. */
export interface Head {
  /** 200 to 599. */
  status: number;
  /** Names are tokens, values hold no control characters (`[]`). */
  headers?: HeaderList;
}

/** A piece of a body. */
export interface Chunk {
  /** Empty unless given. */
  body?: BytesIn;
  /** 1 when more of the body follows (0). */
  more?: FlagIn;
}

/** What `send()` takes. */
export type SendEvent =
  | ({ type: "http.response.start"; trailers?: FlagIn } & Head)
  | (
    & { type: "http.response.body" }
    & (
      | Chunk
      | (Slice & ({ file: string } | { fh: FileHandle; close?: FlagIn }))
    )
  )
  | { type: "http.response.trailers"; headers?: HeaderList }
  | { type: "http.fullflush" }
  | {
    type: "websocket.accept";
    subprotocol?: string;
    headers?: HeaderList;
    /** 1 has the peer wait, unread, while the queue of messages is full (0). */
    backpressure?: FlagIn;
  }
  | { type: "websocket.send"; text?: string; bytes?: Uint8Array }
  | { type: "websocket.close"; code?: number; reason?: string }
  | { type: "websocket.keepalive"; interval: number; timeout?: number }
  | (
    & {
      type: "websocket.http.response.start" | "sse.http.response.start";
    }
    & Head
  )
  | (
    & { type: "websocket.http.response.body" | "sse.http.response.body" }
    & Chunk
  )
  | { type: "sse.start"; status?: number; headers?: HeaderList }
  | {
    type: "sse.send";
    data: string;
    event?: string;
    id?: string;
    /** Milliseconds. */
    retry?: number;
  }
  | { type: "sse.comment"; comment: string }
  | { type: "sse.keepalive"; interval: number; comment?: string }
  | { type: "sse.close"; reason?: string }
  | { type: "lifespan.startup.complete" | "lifespan.shutdown.complete" }
  | {
    type: "lifespan.startup.failed" | "lifespan.shutdown.failed";
    message?: string;
  };

/** Why a request ended abnormally (PAGI.md 4); private reasons start with `x-`. */
export type DisconnectReason =
  | "client_closed"
  | "client_timeout"
  | "idle_timeout"
  | "keepalive_timeout"
  | "write_timeout"
  | "write_error"
  | "read_error"
  | "protocol_error"
  | "server_shutdown"
  | "server_error"
  | "body_too_large"
  | "queue_overflow"
  | `x-${string}`;

/** The state of one HTTP request's connection, on `http` scopes. */
export interface PagiConnection {
  /** True until the request ends either way. */
  isConnected(): boolean;
  /** The reason after an abnormal end, else null. */
  disconnectReason(): DisconnectReason | null;
  /** Called once after an abnormal end, at once if that has come already. */
  onDisconnect(callback: (reason: DisconnectReason) => void): void;
  /** Called once after success, at once if that has come already. */
  onComplete(callback: () => void): void;
  /** True from the start of the response, of the app or of the server. */
  responseStarted(): boolean;
  /** True after the last part of the response. */
  responseComplete(): boolean;
  /** Resolves with the reason on an abnormal end; otherwise stays pending. */
  readonly disconnected: Promise<DisconnectReason>;
}

/** What waits to be written; omitted where the server cannot measure it. */
export interface PagiTransport {
  /** Bytes accepted but not yet written. */
  bufferedAmount(): number;
  /** Bytes from which on `send` waits; null where there is no such mark. */
  highWaterMark(): number | null;
  /** Bytes below which `send` resolves again. */
  lowWaterMark(): number | null;
  /** Called once on reaching the high mark, at once if that is so already. */
  onHighWater(callback: () => void): this;
  /** Called once when the buffer next drops under the low mark. */
  onDrain(callback: () => void): this;
}

/** Yields the next inbound event of the scope. */
export type Receive = () => Promise<ReceiveEvent>;
/** Takes one outbound event; await it before the next. */
export type Send = (event: SendEvent) => Promise<void>;
/** A PAGI application. Settling the promise ends the scope. */
export type PagiApp = (
  scope: Scope,
  receive: Receive,
  send: Send,
) => Promise<void>;
