/**
 * A scope as the `Request` of the fetch standard.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import type { Flag, HttpScope } from "../pagi/types.ts";

/** What a scope tells of the request. */
type RequestLike =
  & Pick<
    HttpScope,
    "headers" | "method" | "path" | "query_string" | "raw_path" | "root_path"
  >
  & { scheme: string; "pagi.empty_query"?: Flag };

/** What comes from the client besides. */
interface FromClient {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly signal: AbortSignal;
}

/** What would change the path of a URL, and bytes that are not ASCII. */
const UNSAFE = /[#\\\x80-\xff]/g;

/**
 * The request of `scope`, or null when the fetch standard knows no such
 * request: the host makes no URL, or the method is forbidden (TRACE).
 */
export function webRequest(
  scope: RequestLike,
  { body, signal }: FromClient,
): Request | null {
  const { scheme, method, headers } = scope;
  const host = fieldValue(headers, "host") ?? "localhost";
  try {
    const url = `${scheme}://${host}${target(scope)}`;
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

function encodeByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}

function target(scope: RequestLike): string {
  const { raw_path, root_path, path, query_string } = scope;
  const whole = raw_path ?? encodeURI(root_path + path).replace(/\?/g, "%3F");
  const hasQuery = query_string !== "" || scope["pagi.empty_query"] === 1;
  return (hasQuery ? `${whole}?${query_string}` : whole)
    .replace(UNSAFE, encodeByte);
}
