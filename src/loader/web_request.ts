/**
 * A scope as the `Request` of the fetch standard.
 *
 * @module
 */

import { fieldValue } from "../http/headers.ts";
import type { Inbound, RequestScope } from "./inbound.ts";

/** What would change the path of a URL, and bytes that are not ASCII. */
const UNSAFE = /[#\\\x80-\xff]/g;

/**
 * The request of `scope`, or null when the fetch standard knows no such
 * request: the host makes no URL, or the method is forbidden (TRACE).
 */
export function webRequest(
  scope: RequestScope,
  { body, signal }: Inbound,
): Request | null {
  const { scheme, method, headers } = scope;
  const host = fieldValue(headers, "host") ?? "localhost";
  try {
    const url = `${scheme}://${host}${target(scope)}`;
    return new SignalledRequest(url, { method, headers, body }, signal);
  } catch {
    return null;
  }
}

/**
 * A request that follows a signal. Giving the signal to `Request` costs as much
 * as everything else that happens to a small request. The price of this way: a
 * `fetch()` of the very object is not aborted with it.
 */
class SignalledRequest extends Request {
  readonly #signal: AbortSignal;

  constructor(url: string, init: RequestInit, signal: AbortSignal) {
    super(url, init);
    this.#signal = signal;
  }

  override get signal(): AbortSignal {
    return this.#signal;
  }

  override clone(): Request {
    return new Request(super.clone(), { signal: this.#signal });
  }
}

function encodeByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase()}`;
}

function target(scope: RequestScope): string {
  const { raw_path, root_path, path, query_string } = scope;
  const whole = raw_path ?? encodeURI(root_path + path).replace(/\?/g, "%3F");
  return (query_string === "" ? whole : `${whole}?${query_string}`)
    .replace(UNSAFE, encodeByte);
}
