/** Passes on WebSockets: the handshake, and the messages both ways. */

import { ClientGone, type DisconnectWatch } from "../disconnect.ts";
import { denyWebSocket } from "../reply.ts";
import {
  type ProxyContext,
  refusalStatus,
  responseFields,
} from "./client_uri.ts";
import {
  retryFields,
  type UpstreamConnection,
  UpstreamError,
} from "./connection.ts";
import { NO_BODY } from "./request_body.ts";
import type { ResponseHead } from "./response.ts";
import { upstreamRequest } from "./upstream_request.ts";
import type { UpstreamResponse } from "./upstreams.ts";
import {
  closePayload,
  frame,
  FrameError,
  MessageReader,
  OPCODE,
} from "./websocket_frames.ts";
import { fieldValue, reasonPhrase } from "../../http/headers.ts";
import { isCloseCode } from "../../pagi/websocket_events.ts";
import type {
  BytesIn,
  HeaderList,
  Receive,
  ReceiveEvent,
  Send,
  WebSocketScope,
} from "../../pagi/types.ts";
import { concat } from "../../std/bytes.ts";
import { type Timer, unref } from "../../std/timer.ts";

/** The fields of a handshake, without extensions. */
function handshakeFields(key: string): HeaderList {
  return [
    ["connection", "upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
  ];
}

/** The `sec-websocket-accept` for `key` (RFC 6455, section 4.2.2). */
export async function acceptValue(key: string): Promise<string> {
  const text = `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toBase64();
}

/**
 * Whether a response accepts the handshake of `key`, with one of the `offered`
 * subprotocols or none, and without extensions (RFC 6455, section 4.1).
 */
async function isAccepted(
  { headers, options }: ResponseHead,
  key: string,
  offered: readonly string[],
): Promise<boolean> {
  const subprotocol = fieldValue(headers, "sec-websocket-protocol");
  const accept = fieldValue(headers, "sec-websocket-accept");
  return fieldValue(headers, "upgrade")?.toLowerCase() === "websocket" &&
    options.includes("upgrade") &&
    accept === await acceptValue(key) &&
    fieldValue(headers, "sec-websocket-extensions") === null &&
    (subprotocol === null || offered.includes(subprotocol));
}

/** Maximum bytes of a refusal's body, which is held in memory. */
const MAX_DENIAL = 1024 * 1024;

/** Serves one WebSocket; a refusal of the target is passed on. */
export async function serveWebSocket(
  context: ProxyContext,
  scope: WebSocketScope,
  receive: Receive,
  send: Send,
): Promise<void> {
  await receive(); // websocket.connect
  const deny = (
    status: number,
    headers: HeaderList = [["content-type", "text/plain"]],
    body: BytesIn = reasonPhrase(status),
  ) => denyWebSocket(scope, send, status, headers, body);
  const watch = new HandshakeWatch(receive);
  const request = upstreamRequest(scope, context.rules);
  const refusal = refusalStatus(context, scope, request);
  if (refusal !== null) return await deny(refusal);
  try {
    const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
    const response = await context.upstreams.request({
      request,
      body: { ...NO_BODY, framing: handshakeFields(key) },
      repeatable: true,
      upgrade: true,
    }, watch);
    const { connection, head } = response;
    const headers = responseFields(context, response, scope, request);
    if (head.status !== 101) {
      const body = await readDenial(context, response);
      return await deny(head.status, headers, body);
    }
    if (!await isAccepted(head, key, scope.subprotocols)) {
      connection.close();
      return await deny(502);
    }
    await send({
      type: "websocket.accept",
      subprotocol: fieldValue(head.headers, "sec-websocket-protocol") ??
        undefined,
      headers: headers.filter(([name]) => !name.startsWith("sec-websocket-")),
      backpressure: 1,
    });
    await new WebSocketTunnel(
      connection,
      () => watch.receive(),
      send,
      context.limits.idleTimeout,
    ).run();
  } catch (error) {
    if (error instanceof ClientGone) return;
    if (!(error instanceof UpstreamError)) throw error;
    await deny(error.status, [
      ["content-type", "text/plain"],
      ...retryFields(error),
    ]);
  }
}

/**
 * Detects a client that leaves during the handshake with the target; another
 * event that arrives first is kept for the tunnel.
 */
class HandshakeWatch implements DisconnectWatch {
  disconnected = false;
  #onDisconnect: () => void = () => {};
  #first: Promise<ReceiveEvent> | null;
  readonly #receive: Receive;

  constructor(receive: Receive) {
    this.#receive = receive;
    this.#first = receive();
    this.#first.then(({ type }) => {
      if (type !== "websocket.disconnect") return;
      this.disconnected = true;
      this.#onDisconnect();
    }, () => {});
  }

  onDisconnect(act: () => void): void {
    this.#onDisconnect = act;
  }

  /** The next event; from now on the caller handles a disconnect. */
  receive(): Promise<ReceiveEvent> {
    const first = this.#first;
    this.#first = null;
    this.#onDisconnect = () => {};
    return first ?? this.#receive();
  }
}

async function readDenial(
  { limits }: ProxyContext,
  { connection, body }: UpstreamResponse,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    while (!body.done) {
      const chunk = body.take();
      if (chunk === null) await body.fill(limits.idleTimeout);
      else {
        chunks.push(chunk.slice());
        size += chunk.byteLength;
      }
      if (size > MAX_DENIAL) {
        throw new UpstreamError(
          502,
          `${connection.url} refused a WebSocket with too long a body.`,
        );
      }
    }
  } finally {
    connection.close();
  }
  return concat(chunks);
}

/** Time for a target to answer a Close (ms). */
const CLOSE_TIMEOUT_MS = 5000;
const GOING_AWAY = 1001;
const NO_CODE = 1005;
const FAILED = 1011;

type Disconnect = Extract<ReceiveEvent, { type: "websocket.disconnect" }>;

/** Passes messages both ways until both sides are closed. */
class WebSocketTunnel {
  readonly #connection: UpstreamConnection;
  readonly #receive: Receive;
  readonly #send: Send;
  readonly #idleTimeout: number;
  /** Serializes frames to the target: messages, pongs and Close. */
  #lastWrite: Promise<void> = Promise.resolve();
  #closeSent = false;
  #closeTimer: Timer | undefined;

  /** @param idleTimeout Seconds for which the target may read nothing. */
  constructor(
    connection: UpstreamConnection,
    receive: Receive,
    send: Send,
    idleTimeout: number,
  ) {
    this.#connection = connection;
    this.#receive = receive;
    this.#send = send;
    this.#idleTimeout = idleTimeout;
  }

  /** Resolves when both sides are closed. */
  async run(): Promise<void> {
    try {
      await Promise.all([this.#fromClient(), this.#fromTarget()]);
    } finally {
      clearTimeout(this.#closeTimer);
      this.#connection.close();
    }
  }

  async #fromClient(): Promise<void> {
    const encoder = new TextEncoder();
    for (;;) {
      const event = await this.#receive();
      if (event.type === "websocket.disconnect") {
        return await this.#clientLeft(event);
      }
      if (event.type !== "websocket.receive") continue;
      if (event.text != null) {
        await this.#write(OPCODE.text, encoder.encode(event.text));
      } else await this.#write(OPCODE.binary, event.bytes);
    }
  }

  /** Closes the target's side with the client's code, where it has one. */
  async #clientLeft({ code, reason }: Disconnect): Promise<void> {
    if (isCloseCode(code) || code === NO_CODE) {
      await this.#close(code, reason);
    } else if (reason === "server_shutdown") {
      await this.#close(GOING_AWAY, "");
    } else this.#connection.close();
  }

  /** Closes the client's side with the target's code. */
  async #fromTarget(): Promise<void> {
    let code: number = FAILED;
    let reason = "";
    try {
      ({ code, reason } = await this.#passMessages());
      await this.#close(code, reason);
    } catch (error) {
      if (error instanceof FrameError) await this.#close(error.code, "");
      else if (!(error instanceof UpstreamError)) throw error;
    }
    this.#connection.close();
    await this.#send({
      type: "websocket.close",
      code: code === NO_CODE ? undefined : code,
      reason,
    });
  }

  /** Passes messages on until the target's Close. */
  async #passMessages(): Promise<{ code: number; reason: string }> {
    const reader = new MessageReader(this.#connection);
    for (;;) {
      const message = await reader.next();
      switch (message.kind) {
        case "text":
          await this.#send({ type: "websocket.send", text: message.text });
          break;
        case "binary":
          await this.#send({ type: "websocket.send", bytes: message.bytes });
          break;
        case "ping":
          await this.#write(OPCODE.pong, message.bytes);
          break;
        case "close":
          return message;
      }
    }
  }

  async #close(code: number, reason: string): Promise<void> {
    if (this.#closeSent) return;
    await this.#write(OPCODE.close, closePayload(code, reason));
    this.#closeSent = true;
    this.#closeTimer = unref(
      setTimeout(() => this.#connection.close(), CLOSE_TIMEOUT_MS),
    );
  }

  /** Errors are ignored here: `#fromTarget` reports a broken connection. */
  #write(opcode: number, payload: Uint8Array): Promise<void> {
    return this.#lastWrite = this.#lastWrite.then(() =>
      this.#closeSent
        ? undefined
        : this.#connection.write(frame(opcode, payload), this.#idleTimeout)
    ).catch(() => {});
  }
}
