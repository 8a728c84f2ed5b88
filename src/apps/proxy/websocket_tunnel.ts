/**
 * An open WebSocket between a client and a target.
 *
 * @module
 */

import { isCloseCode } from "../../pagi/close_codes.ts";
import type { Receive, ReceiveEvent, Send } from "../../pagi/types.ts";
import { type Timer, unref } from "../../std/timer.ts";
import type { UpstreamConnection } from "./upstream_connection.ts";
import { UpstreamError } from "./upstream_error.ts";
import {
  closePayload,
  frame,
  FrameError,
  MessageReader,
  OPCODE,
} from "./websocket_frames.ts";

/** How long a target may take to answer a Close, in milliseconds. */
const CLOSE_WAIT_MS = 5000;
const GOING_AWAY = 1001;
const NO_CODE = 1005;
const FAILED = 1011;

type Disconnect = Extract<ReceiveEvent, { type: "websocket.disconnect" }>;

/** Passes messages both ways until one side is at its end. */
export class WebSocketTunnel {
  readonly #connection: UpstreamConnection;
  readonly #receive: Receive;
  readonly #send: Send;
  readonly #idleTimeout: number;
  /** Frames of both directions' making; they must not mix on the wire. */
  #lastWrite: Promise<void> = Promise.resolve();
  #closeSent = false;
  #closeTimer: Timer | undefined;

  /** @param idleTimeout Seconds for which the target may take nothing. */
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

  /** The target learns how the client left, as far as a frame can tell. */
  async #clientLeft({ code, reason }: Disconnect): Promise<void> {
    if (isCloseCode(code) || code === NO_CODE) {
      await this.#close(code, reason);
    } else if (reason === "server_shutdown") {
      await this.#close(GOING_AWAY, "");
    } else this.#connection.close();
  }

  /** The client is told how the target left. */
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
      setTimeout(() => this.#connection.close(), CLOSE_WAIT_MS),
    );
  }

  /** A target that takes no more is seen where it is read. */
  #write(opcode: number, payload: Uint8Array): Promise<void> {
    return this.#lastWrite = this.#lastWrite.then(() =>
      this.#closeSent
        ? undefined
        : this.#connection.write(frame(opcode, payload), this.#idleTimeout)
    ).catch(() => {});
  }
}
