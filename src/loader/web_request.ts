/** A scope as the `Request` of the fetch standard, with its body and signal. */

import { ClientGone, RequestReader } from "../apps/disconnect.ts";
import { requestPath, requestQuery } from "../apps/proxy/upstream_path.ts";
import { fieldValue } from "../http/headers.ts";
import type { HttpScope, NetScope, Receive, SseScope } from "../pagi/types.ts";

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

/**
 * The request of `scope`, at the URL below the app's mount; null if the fetch
 * standard knows no such request: the host is not valid in a URL, or the method
 * is forbidden (TRACE).
 */
export function webRequest(
  scope: NetScope & { readonly method: string },
  { body, signal }: Pick<Inbound, "body" | "signal">,
): Request | null {
  const { scheme, method, headers } = scope;
  const host = fieldValue(headers, "host") ?? "localhost";
  try {
    const target = (requestPath(scope) + requestQuery(scope))
      .replace(/[#\\]/g, encodeURIComponent);
    const url = `${scheme}://${host}${target}`;
    return new ScopeRequest(url, { method, headers, body }, method, signal);
  } catch {
    return null;
  }
}

/**
 * A request that has its method as it was sent, and follows a signal.
 *
 * `Request` makes `DELETE` of `delete`, which is another method (RFC 9110,
 * 9.1). Giving it the signal costs as much as everything else that happens to
 * a small request. The price of this way: a `fetch()` of the very object is
 * not aborted with the signal, and sends a method as `Request` spells it.
 */
class ScopeRequest extends Request {
  readonly #method: string;
  readonly #signal: AbortSignal;

  constructor(
    input: string | Request,
    init: RequestInit,
    method: string,
    signal: AbortSignal,
  ) {
    super(input, init);
    this.#method = method;
    this.#signal = signal;
  }

  override get method(): string {
    return this.#method;
  }

  override get signal(): AbortSignal {
    return this.#signal;
  }

  override clone(): Request {
    const signal = this.#signal;
    return new ScopeRequest(super.clone(), { signal }, this.#method, signal);
  }
}
