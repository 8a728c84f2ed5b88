/** Requests whose heads need no closer look. */

import { lowerNames, ownHeaders } from "../../engine/request.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { type HeadLimits, isName, type RequestHead } from "./head.ts";

/** Of "GET /path HTTP/1.1" all but the path. */
const REST_OF_LINE = "GET  HTTP/1.1".length;

/**
 * Tells in one short pass whether a request is a GET without a body for
 * the host of the one before, and within the limits: most are. `readHead` would
 * find nothing wrong with it, and takes three times as long.
 */
export class PlainHeads {
  readonly #limits: HeadLimits;
  readonly #scheme: string;
  #host: string | null = null;
  /** How URLs for that host begin, up to the slash of their paths. */
  #origin = "";

  /** @param secure True where requests come by TLS. */
  constructor(limits: HeadLimits, secure: boolean) {
    this.#limits = limits;
    this.#scheme = secure ? "https" : "http";
  }

  /** Has requests for the host of a head pass that was read and found right. */
  learn({ host }: RequestHead): void {
    if (host === this.#host) return;
    this.#host = host;
    this.#origin = `${this.#scheme}://${host}/`;
  }

  /** Its fields; null of what `readHead` has to read whole, or to refuse. */
  fieldsOf(request: Request): HeaderList | null {
    const { url } = request;
    const { maxHeaderSize, maxHeaderCount } = this.#limits;
    if (
      this.#host === null || request.method !== "GET" ||
      !url.startsWith(this.#origin) ||
      url.length - this.#origin.length + 1 + REST_OF_LINE >
        maxHeaderSize ||
      url.indexOf("#") >= 0 || url.indexOf("\x7f") >= 0
    ) return null;
    const fields = ownHeaders(request);
    if (fields === null || fields.length > maxHeaderCount) return null;
    let size = 0;
    let hostName: string | null = null;
    for (let i = 0; i < fields.length; i++) {
      const name = fields[i][0];
      const value = fields[i][1];
      size += name.length + value.length + 4;
      // What may matter is found by the length of its name and first letter.
      switch (name.length) {
        case 4:
          if (!isName(name, "host")) break;
          if (hostName !== null || value !== this.#host) return null;
          hostName = name;
          break;
        case 7: // upgrade
          if (startsWith(name, 117)) return null;
          break;
        case 14: // content-length
          if (startsWith(name, 99)) return null;
          break;
        case 17: // transfer-encoding
          if (startsWith(name, 116)) return null;
          break;
      }
    }
    if (hostName === null || size > maxHeaderSize) return null;
    // By HTTP/2 there may be names that are no tokens.
    return hostName !== "host" || lowerNames(fields) ? fields : null;
  }
}

/** @param letter The code of the lower-case letter. */
function startsWith(name: string, letter: number): boolean {
  return (name.charCodeAt(0) | 0x20) === letter;
}
