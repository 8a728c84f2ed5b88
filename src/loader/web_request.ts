/** A scope as the `Request` of the fetch standard. */

import { fieldValue } from "../http/headers.ts";
import { requestPath, requestQuery } from "../apps/proxy/upstream_path.ts";
import type { NetScope } from "../pagi/types.ts";

/** The parts of a scope that describe the request. */
type RequestScope = NetScope & { readonly method: string };

/** What comes from the client besides. */
interface FromClient {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly signal: AbortSignal;
}

/**
 * The request of `scope`, at the URL below the app's mount, or null when the fetch standard knows no such
 * request: the host makes no URL, or the method is forbidden (TRACE).
 */
export function webRequest(
  scope: RequestScope,
  { body, signal }: FromClient,
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
