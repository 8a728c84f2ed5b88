/**
 * A client of an app that can be slow or leave, without any server.
 *
 * @module
 */

import type {
  DisconnectReason,
  PagiApp,
  PagiConnection,
  ReceiveEvent,
  SendEvent,
} from "../../src/pagi/types.ts";
import { requestScope } from "../helpers/request_scope.ts";
import type { AppRequest } from "../helpers/run_app.ts";

/** What the client asks for and how it behaves. */
export interface ClientRequest extends Omit<AppRequest, "body"> {
  /** The parts of the request's body. */
  parts?: string[];
  /** More of the body is announced after `parts`, and never comes. */
  stalls?: boolean;
  /** Holds `send` back, as a slow client does. */
  sending?: () => Promise<void>;
}

/** A request under way. */
export class Client {
  readonly sent: SendEvent[] = [];
  /** How often the app asked for an event. */
  received = 0;
  /** Settles with the app. */
  readonly finished: Promise<void>;

  readonly #type: "http" | "sse";
  readonly #parts: string[];
  readonly #stalls: boolean;
  readonly #gone = Promise.withResolvers<void>();
  readonly #listeners: ((reason: DisconnectReason) => void)[] = [];

  constructor(app: PagiApp, request: ClientRequest = {}) {
    this.#type = request.type ?? "http";
    this.#parts = [...request.parts ?? [""]];
    this.#stalls = request.stalls ?? false;
    const scope = requestScope(request);
    if (scope.type === "http") {
      const connection: Partial<PagiConnection> = {
        onDisconnect: (listener) => void this.#listeners.push(listener),
      };
      scope["pagi.connection"] = connection as PagiConnection;
    }
    this.finished = app(scope, () => this.#receive(), async (event) => {
      await request.sending?.();
      this.sent.push(event);
    });
    this.finished.catch(() => {});
  }

  /** The client leaves. */
  leave(): void {
    this.#gone.resolve();
    for (const listener of this.#listeners) listener("client_closed");
  }

  /** The body so far. */
  get text(): string {
    const decoder = new TextDecoder();
    return this.sent.map((event) => {
      if (!("body" in event)) return "";
      return typeof event.body === "string"
        ? event.body
        : decoder.decode(event.body, { stream: true });
    }).join("");
  }

  async #receive(): Promise<ReceiveEvent> {
    this.received++;
    const part = this.#parts.shift();
    if (part !== undefined) {
      return {
        type: `${this.#type}.request`,
        body: new TextEncoder().encode(part),
        more: this.#stalls || this.#parts.length > 0 ? 1 : 0,
      };
    }
    await this.#gone.promise;
    return this.#type === "sse"
      ? { type: "sse.disconnect", reason: "client_closed" }
      : { type: "http.disconnect" };
  }
}
