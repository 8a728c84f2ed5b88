/** The client's side of one request: its body and its disconnect. */

import { ClientGone, RequestReader } from "../apps/disconnect.ts";
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

  readonly #reader: RequestReader;

  constructor(scope: RequestScope, receive: Receive) {
    const abort = new AbortController();
    this.signal = abort.signal;
    // `sse` scopes have no `pagi.connection` to tell of a disconnect.
    const reader = this.#reader = new RequestReader(
      receive,
      scope.type === "http" ? scope["pagi.connection"] : undefined,
    );
    const leave = (): void =>
      abort.abort(new DOMException("The client has gone.", "AbortError"));
    if (reader.disconnected) leave();
    else reader.onDisconnect(leave);
    if (mayHaveBody(scope)) {
      // An event stream's client is seen leaving only by receiving, so there
      // the first part of the body is received before anyone asks for it.
      this.body = new ReadableStream({
        pull: (controller) => this.#pull(controller),
        cancel: () => reader.drop(),
      }, { highWaterMark: scope.type === "sse" ? 1 : 0 });
    } else {
      reader.drop();
    }
  }

  /** The response is complete: a disconnect no longer matters. */
  end(): void {
    this.#reader.served();
  }

  async #pull(controller: ReadableStreamDefaultController<Bytes>) {
    const reader = this.#reader;
    try {
      // The stream asks again only after it was given something.
      for (let given = false; !given && !reader.complete;) {
        const part = await reader.next();
        given = part.length > 0;
        if (given) controller.enqueue(part as Bytes);
      }
    } catch (error) {
      if (!(error instanceof ClientGone)) throw error;
      throw this.signal.reason ?? new TypeError("The request has ended.");
    }
    if (reader.complete) controller.close();
  }
}

/**
 * Only the method rules a body out; an empty one is a stream as well, as on
 * `Deno.serve`. To `Request`, which takes no body with GET and HEAD, `get` is
 * the same as GET.
 */
function mayHaveBody({ method }: RequestScope): boolean {
  return !/^(?:get|head)$/i.test(method);
}
