/**
 * What comes from the client of one request: its body, and that it left.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import type { HttpScope, Receive, SseScope } from "../pagi/types.ts";

/** The scopes that a fetch handler answers. */
export type RequestScope = HttpScope | SseScope;
type Bytes = Uint8Array<ArrayBuffer>;

/** Reads one scope's events for a fetch handler. */
export class Inbound {
  /** Aborted when the client leaves before {@linkcode end}. */
  readonly signal: AbortSignal;
  /** Received only as fast as it is read; null when there cannot be any. */
  readonly body: ReadableStream<Bytes> | null = null;

  readonly #abort = new AbortController();
  readonly #scope: RequestScope;
  readonly #receive: Receive;
  #ended = false;

  constructor(scope: RequestScope, receive: Receive) {
    this.#scope = scope;
    this.#receive = receive;
    this.signal = this.#abort.signal;
    if (scope.type === "http") {
      scope["pagi.connection"].onDisconnect(() => this.#leave());
    }
    if (mayHaveBody(scope)) {
      // An event stream's client is seen leaving only by receiving, so there
      // the first part of the body is received before anyone asks for it.
      this.body = new ReadableStream({
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#bodyEnded(),
      }, { highWaterMark: scope.type === "sse" ? 1 : 0 });
    } else {
      this.#bodyEnded();
    }
  }

  /** The answer is complete: a disconnect is no news any more. */
  end(): void {
    this.#ended = true;
  }

  async #pull(controller: ReadableStreamDefaultController<Bytes>) {
    for (;;) {
      const event = await this.#receive();
      if (event.type !== "http.request" && event.type !== "sse.request") {
        this.#leave();
        controller.error(this.signal.reason);
        return;
      }
      const { body, more } = event;
      if (body.length > 0) controller.enqueue(body as Bytes);
      if (!more) {
        controller.close();
        this.#bodyEnded();
      }
      // The stream asks again only after it was given something.
      if (!more || body.length > 0) return;
    }
  }

  #bodyEnded(): void {
    if (this.#scope.type === "sse") void this.#watch();
  }

  /** `sse` scopes have no `pagi.connection` to tell of a disconnect. */
  async #watch(): Promise<void> {
    try {
      while ((await this.#receive()).type === "sse.request");
    } catch {
      // A request that cannot be read any more has ended as well.
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#ended) return;
    this.#abort.abort(new DOMException("The client has gone.", "AbortError"));
  }
}

/**
 * Only the method and a length of 0 rule a body out: HTTP/2 needs no field. To
 * `Request`, which takes no body with GET and HEAD, `get` is the same as GET.
 */
function mayHaveBody({ method, headers }: RequestScope): boolean {
  return !/^(?:get|head)$/i.test(method) &&
    fieldValue(headers, "content-length") !== "0";
}
