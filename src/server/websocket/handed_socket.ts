/** A WebSocket that belongs to a fetch handler. */

import {
  awaitClose,
  type MessageOwner,
  ownMessages,
} from "../../engine/websocket.ts";
import type { InputBudget } from "../../guard/input_monitor.ts";
import { byteLength, exceeds } from "../../http/headers.ts";
import { logLimit } from "../../log/log.ts";
import type { DisconnectReason } from "../../pagi/types.ts";
import { type Timer, unref } from "../../std/timer.ts";
import type { Exchange } from "../exchange.ts";
import type { StopCause } from "../in_flight.ts";
import { withDefaultHeaders } from "../response/headers.ts";
import { IdleTimer } from "../timers.ts";
import { CLOSE_WAIT_MS, GOING_AWAY, SERVICE_RESTART } from "./close_info.ts";

/**
 * Bounds, counts and closes a WebSocket whose messages go from the engine to
 * the handler and back. None of them waits here: the handler is called for
 * each as it comes, so there is no queue to be bounded.
 */
export class HandedSocket implements MessageOwner {
  onmessage: WebSocket["onmessage"] = null;
  /** Bytes of the messages sent, where they are counted. */
  sent = 0;
  #received = 0;
  #phase: "opening" | "open" | "closing" | "over" = "opening";
  readonly #exchange: Exchange;
  readonly #socket: WebSocket;
  readonly #maxSize: number;
  #idle: IdleTimer | null = null;
  /** The code to close it with once it is open; null for none. */
  #closeCode: number | null = null;
  #closeTimer: Timer | undefined;

  /** @param exchange The request that became this socket. */
  constructor(exchange: Exchange, socket: WebSocket) {
    const { wsIdleTimeout, maxWsFrameSize } = exchange.worker.settings;
    this.#exchange = exchange;
    this.#socket = socket;
    this.#maxSize = maxWsFrameSize;
    ownMessages(socket, this);
    socket.addEventListener("open", () => this.#opened());
    socket.addEventListener("error", () => this.#ended());
    socket.addEventListener("close", () => this.#ended());
    if (exchange.countsBytes || wsIdleTimeout > 0) {
      const { send } = socket;
      socket.send = (data) => {
        this.#idle?.touch();
        this.sent += lengthOf(data);
        send.call(socket, data);
      };
    }
  }

  /** See {@linkcode Exchange.inputBudget}. */
  get inputBudget(): InputBudget | null {
    if (this.#phase !== "open") return null;
    return {
      allowed: this.#maxSize,
      epoch: this.#received,
      overflowReason: "protocol_error",
      engineReportsEof: true,
    };
  }

  #opened(): void {
    const { draining } = this.#exchange.worker;
    if (this.#phase !== "opening") return;
    this.#phase = "open";
    if (this.#closeCode !== null) return this.close(this.#closeCode);
    this.#idle = idleTimer(this.#exchange);
    if (draining !== null) this.drain(draining);
  }

  /** Sees a message before the handler does, which gets none over the limit. */
  handleEvent(event: MessageEvent): void {
    if (this.#phase === "open") {
      this.#received++;
      this.#idle?.touch();
      if (!isLonger(event.data, this.#maxSize)) {
        this.onmessage?.call(this.#socket, event);
        return;
      }
      const exchange = this.#exchange;
      logLimit(
        "warn",
        "websocket 1009",
        () =>
          `${exchange.describe()} was closed with 1009: a message was too long (--max-ws-frame-size is ${this.#maxSize}).`,
      );
      this.close(1009);
    }
    event.stopImmediatePropagation();
  }

  #ended(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearTimeout(this.#closeTimer);
    this.#idle?.end();
    this.#exchange.life.fail("client_closed");
    this.#exchange.life.release();
  }

  /** Closes it; the handler learns the peer's answer. */
  close(code: number): void {
    // Before it is open the engine would not send it.
    if (this.#phase === "opening") this.#closeCode = code;
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#idle?.end();
    this.#socket.close(code);
    awaitClose(this.#socket);
    this.#closeTimer = unref(setTimeout(() => {
      this.#exchange.dropConnection();
      this.#ended();
    }, CLOSE_WAIT_MS));
  }

  /** The server stops. */
  drain(cause: StopCause): void {
    if (this.#phase !== "open") return;
    this.#exchange.life.fail("server_shutdown");
    this.close(cause === "replaced" ? SERVICE_RESTART : GOING_AWAY);
  }

  /** Ends the connection at once. */
  drop(reason: DisconnectReason): void {
    if (this.#phase === "over") return;
    this.#exchange.life.fail(reason);
    if (!this.#exchange.dropConnection()) this.#socket.close(GOING_AWAY);
    this.#ended();
  }
}

/**
 * Ends a WebSocket on which nothing is received or sent for the time of
 * `--ws-idle-timeout` (PAGI.md 3.4, the table of endings); null where that is
 * not bounded. It has to be notified of messages; the engine does not report pings
 * and pongs, but they show in the connection's state.
 */
export function idleTimer(exchange: Exchange): IdleTimer | null {
  const { wsIdleTimeout } = exchange.worker.settings;
  if (wsIdleTimeout === 0) return null;
  return new IdleTimer(
    wsIdleTimeout,
    () => exchange.disconnect("idle_timeout"),
    () => {
      const idle = exchange.connectionIdleTimes();
      return idle && Math.min(idle.sent, idle.received);
    },
  );
}

function isLonger(data: unknown, most: number): boolean {
  // Texts first: a comparison with a class takes longer.
  if (typeof data === "string") return exceeds(data, most);
  return data instanceof Blob
    ? data.size > most
    : (data as ArrayBuffer).byteLength > most;
}

function lengthOf(data: string | ArrayBufferLike | Blob | ArrayBufferView) {
  return data instanceof Blob
    ? data.size
    : typeof data === "string"
    ? byteLength(data)
    : data.byteLength;
}

/**
 * The response to a request that has been upgraded: the handler's, or else
 * `own`, that of the upgrade. With any other response the engine's server would
 * end as a whole.
 */
export function upgradeResponse(
  exchange: Exchange,
  own: Response,
  given: unknown,
): Response {
  const fits = given instanceof Response && given.status === 101;
  if (!fits) {
    exchange.logError(
      "the fetch handler upgraded the request to a WebSocket, but returned a response other than that of the upgrade.",
    );
  }
  const response = fits ? given : own;
  const present = [...response.headers];
  const all = withDefaultHeaders(present, exchange.listener.addedHeaders);
  for (const [name, value] of all.slice(present.length)) {
    response.headers.append(name, value);
  }
  return response;
}
