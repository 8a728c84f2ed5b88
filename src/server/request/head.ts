/**
 * The head of a request: its target and its header fields, read in one pass and
 * checked before any app sees it.
 *
 * @module
 */

import { lowerNames, sentHeaders } from "../../engine/request.ts";
import type { ForwardedClient } from "../../http/addresses.ts";
import { memo } from "../../http/memo.ts";
import { decodePath, splitTarget } from "../../http/target.ts";
import { limitsMayRise } from "../../pagi/body_limit.ts";
import type { HeaderList } from "../../pagi/types.ts";
import type { Http2Connection, Http2Connections } from "../http2_connection.ts";
import { assertBodySize } from "./body.ts";
import { Refusal } from "../response/plain_answer.ts";

/** The kind of exchange that serves a request (PAGI.md 3.1, row "kind"). */
export type RequestKind = "http" | "sse" | "websocket";

/** What a request's head says. */
export class RequestHead {
  /** As sent, from the path on; one code unit per byte. */
  readonly #target: string;
  /** Where its first "?" is, or -1. */
  readonly #mark: number;
  readonly #fields: HeaderList;
  #isLower: boolean;
  /** What a trusted proxy tells of the client; null where none does. */
  forwarded: ForwardedClient | null = null;

  /**
   * @param method As sent: names are case-sensitive (RFC 9110, 9.1).
   * @param host What the `host` field says, once it is right.
   * @param http2 The connection that it came by, where that is HTTP/2.
   * @param contentLength Bytes announced by `content-length`, or null.
   * @param isLower True where the names of `fields` are in lower case.
   */
  constructor(
    readonly kind: RequestKind,
    readonly method: string,
    public host: string,
    readonly http2: Http2Connection | null,
    readonly contentLength: number | null,
    target: string,
    fields: HeaderList,
    isLower: boolean,
  ) {
    this.#target = target;
    this.#mark = target.indexOf("?");
    this.#fields = fields;
    this.#isLower = isLower;
  }

  /** Decoded. */
  get path(): string {
    return decodePath(this.rawPath);
  }

  /** As sent, before the first "?"; one code unit per byte. */
  get rawPath(): string {
    const path = this.#mark < 0
      ? this.#target
      : this.#target.slice(0, this.#mark);
    // `GET http://host?query` has an empty path, which means "/".
    return path || "/";
  }

  /** As sent, after the first "?". */
  get query(): string {
    return this.#mark < 0 ? "" : this.#target.slice(this.#mark + 1);
  }

  /** True of a target that ends with its first "?": `/x?` is not `/x`. */
  get emptyQuery(): boolean {
    return this.#mark >= 0 && this.#mark === this.#target.length - 1;
  }

  /** With names in lower case, in the order in which they were sent. */
  get headers(): HeaderList {
    if (!this.#isLower) lowerNames(this.#fields);
    this.#isLower = true;
    return this.#fields;
  }

  /**
   * Takes what a trusted proxy tells of the client. The host that the client
   * asked for is the request's from now on.
   *
   * @throws {Refusal} 400 when that is no host.
   */
  takeForwarded(told: ForwardedClient): void {
    this.forwarded = told;
    const { host } = told;
    if (host === null) return;
    // A list is no host either, though a name may hold a comma.
    if (!isHost(host) || host.includes(",")) {
      throw new Refusal(400, "What the proxy forwards as the host is not one.");
    }
    this.host = host;
    const field = this.headers.find(([name]) => name === "host");
    if (field === undefined) this.#fields.unshift(["host", host]);
    else field[1] = host;
  }
}

/** What a head may weigh and announce. */
export interface HeadLimits {
  /** Bytes of the request line, and of the header fields together. */
  readonly maxHeaderSize: number;
  readonly maxHeaderCount: number;
  /** Bytes of a request body; 0 means no limit. */
  readonly maxBodySize: number;
}

/** RFC 3986, section 3.2.2, without userinfo; what `host` may hold. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::\d*)?$/;
/** 16 bytes in base64 (RFC 6455, section 4.2.1). */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;
const EVENT_STREAM = /text\/event-stream/i;
/**
 * Apps make URLs of it: `1.2.3.999` and `a:99999` would make them throw. Few
 * are kept: a host that was cut out of a URL holds on to all of that.
 */
const isHost = memo(
  (host) => HOST.test(host) && URL.canParse(`http://${host}/`),
  { entries: 64 },
);

/**
 * Reads the head of a request.
 *
 * @param secure True where the request came by TLS.
 * @param info The engine's object for the request, by which `connections` tell
 * HTTP/2 where the head is not enough.
 * @param fields What the request was sent with, where that is known.
 * @throws {Refusal} With the status that answers a head the server does not
 * take (PAGI.md 6): 400, 405, 413, 414, 421, 426, 431, 501.
 */
export function readHead(
  request: Request,
  limits: HeadLimits,
  secure: boolean,
  info: Deno.ServeHandlerInfo,
  connections: Http2Connections,
  fields: HeaderList = sentHeaders(request),
): RequestHead {
  const { method, url } = request;
  let hostField: [name: string, value: string] | undefined;
  let size = 0;
  let contentLength: number | null = null;
  let coded = false;
  let foreignCoding = false;
  let upgrade = false;
  let connection = "";
  let key: string | undefined;
  let version: string | undefined;
  let events = false;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const name = field[0];
    const value = field[1];
    size += name.length + value.length + 4;
    // Of most names the length tells that they do not matter here.
    switch (name.length) {
      case 4:
        if (!isName(name, "host")) break;
        // The engine looks for a second one in HTTP/1.1 only; no version may
        // have it (RFC 9112, 3.2).
        if (hostField !== undefined) throw badHost();
        hostField = field;
        break;
      case 6:
        if (!events && isName(name, "accept")) events = namesEventStream(value);
        break;
      case 7:
        if (isName(name, "upgrade")) upgrade ||= listNames(value, "websocket");
        break;
      case 10:
        if (isName(name, "connection")) connection += `,${value}`;
        break;
      case 14:
        if (!isName(name, "content-length")) break;
        // Repeated, even with the same value, it is refused (PAGI.md 6).
        contentLength = contentLength === null ? Number(value) : NaN;
        break;
      case 17:
        if (isName(name, "transfer-encoding")) {
          coded = true;
          foreignCoding ||= value.toLowerCase() !== "chunked";
        } else if (isName(name, "sec-websocket-key")) {
          // Neither of these two may come twice (RFC 6455, section 11.3).
          key = key === undefined ? value : "";
        }
        break;
      case 21:
        if (!isName(name, "sec-websocket-version")) break;
        version = version === undefined ? value : "";
        break;
    }
  }
  // HTTP/2 has names in lower case only (RFC 9113, 8.2.1), among which the
  // engine lets some pass that are no tokens; by HTTP/1 it does not.
  const isLower = hostField === undefined || hostField[0] === "host";
  if (isLower && !lowerNames(fields)) {
    throw new Refusal(400, "A header field's name is no token.");
  }
  let host = hostField?.[1];

  const origin = secure ? "https://" : "http://";
  const ordinary = url.startsWith(origin);
  const authorityStart = ordinary ? origin.length : url.indexOf("://") + 3;
  let pathStart: number;
  let http2: Http2Connection | null = null;
  if (
    host !== undefined && host !== "" &&
    url.startsWith(host, authorityStart) &&
    endsAuthority(url.charCodeAt(authorityStart + host.length))
  ) {
    pathStart = authorityStart + host.length;
  } else {
    pathStart = endOfAuthority(url, authorityStart);
    const authority = url.slice(authorityStart, pathStart);
    // HTTP/2 with the path "*" comes as `http://example.org*`.
    if (pathStart === url.length && authority.endsWith("*")) {
      throw new Refusal(400, "Only OPTIONS takes the target *.");
    }
    // An absolute target replaces the host (RFC 9112, 3.2.2), and HTTP/2
    // sends `:authority` in its place. HTTP/1 must send `host` all the same.
    if (host === undefined) {
      // Only HTTP/1 upgrades, and the engine calls the handler otherwise then.
      if (!upgrade) http2 = connections.of(info);
      if (http2 === null) {
        throw new Refusal(400, "An HTTP/1.1 request needs a host header.");
      }
      fields.unshift(["host", authority]);
    } else if (host !== "") {
      if (!isHost(host)) throw badHost();
      hostField![1] = authority;
    }
    host = authority;
  }
  // By HTTP/2 a proxy that ends TLS sends the scheme of its own client.
  if (http2 === null && !ordinary) {
    assertScheme(url, secure);
  }
  if (!isHost(host)) throw badHost();
  if (method === "CONNECT") {
    throw new Refusal(
      405,
      "This server is no tunnel: CONNECT is not allowed.",
      // A host and a port allow no method at all (RFC 9110, 15.5.6).
      [["allow", ""]],
    );
  }
  // With two spaces and the version.
  if (url.length - pathStart + method.length + 10 > limits.maxHeaderSize) {
    throw new Refusal(
      414,
      "The request line is too long.",
      [],
      `--max-header-size is ${limits.maxHeaderSize}`,
    );
  }
  if (
    fields.length > limits.maxHeaderCount || size > limits.maxHeaderSize
  ) {
    throw new Refusal(
      431,
      "The header fields are too many or too long.",
      [],
      size > limits.maxHeaderSize
        ? `--max-header-size is ${limits.maxHeaderSize}`
        : `--max-header-count is ${limits.maxHeaderCount}`,
    );
  }
  if (foreignCoding) {
    throw new Refusal(501, "Only the transfer coding chunked is understood.");
  }
  if (Number.isNaN(contentLength)) {
    throw new Refusal(400, "A request has one content-length.");
  }
  // Engines before 2.9 let both pass, and may differ from others on where the
  // body ends (RFC 9112, 6.3).
  if (coded && contentLength !== null) {
    throw new Refusal(400, "Length and transfer coding exclude each other.");
  }
  if (contentLength !== null && !limitsMayRise()) {
    assertBodySize(contentLength, limits.maxBodySize);
  }

  let kind: RequestKind = events ? "sse" : "http";
  if (
    upgrade && key !== undefined && method === "GET" &&
    listNames(connection, "upgrade")
  ) {
    if (version !== "13") {
      throw new Refusal(426, "Only WebSocket version 13 is spoken here.", [
        ["sec-websocket-version", "13"],
        ["upgrade", "websocket"],
        ["connection", "upgrade"],
      ]);
    }
    if (!WEBSOCKET_KEY.test(key)) {
      throw new Refusal(400, "One sec-websocket-key of 16 bytes is needed.");
    }
    kind = "websocket";
  }

  return new RequestHead(
    kind,
    method,
    host,
    http2,
    contentLength,
    checkedTarget(url.slice(pathStart)),
    fields,
    isLower,
  );
}

/**
 * Tells whether a name is `lower`, which has letters and hyphens only and the
 * same length, in upper or lower case. Nothing is made for that.
 */
export function isName(name: string, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((name.charCodeAt(i) | 0x20) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * An absolute target may name another scheme than that of its connection: it
 * is meant for another server (RFC 9110, 7.4).
 */
function assertScheme(url: string, secure: boolean): void {
  const scheme = url.slice(0, url.indexOf(":")).toLowerCase();
  // The engine has a scheme of its own for Unix sockets.
  if (scheme === (secure ? "https" : "http") || scheme === "http+unix") return;
  throw new Refusal(421, `This connection serves no ${scheme} targets.`);
}

function badHost(): Refusal {
  return new Refusal(400, "The host header is not a host.");
}

/** `text/event-stream` among the media types, whatever its parameters. */
function namesEventStream(accept: string): boolean {
  // Most lists are ruled out without being taken apart.
  return EVENT_STREAM.test(accept) &&
    accept.toLowerCase().split(",").some((item) =>
      item.split(";", 1)[0].trim() === "text/event-stream"
    );
}

/** Tells whether a comma-separated list holds `token` (lower case). */
function listNames(list: string, token: string): boolean {
  return list.toLowerCase().split(",").some((item) => item.trim() === token);
}

/** What nearly all targets are: visible ASCII, without "#". */
const PLAIN = /^[!"$-~]*$/;
/**
 * A target, one code unit per byte.
 *
 * @throws {Refusal} When it holds what no target may.
 */
function checkedTarget(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text.includes("#")) {
    throw new Refusal(400, "A request target has no fragment.");
  }
  // The engine lets this one control character through by HTTP/2.
  if (text.includes("\x7f")) {
    throw new Refusal(400, "A request target has no control character.");
  }
  return toByteString(text);
}

/** The target in the engine's URL of a request, whatever it holds. */
export function targetOf(url: string): ReturnType<typeof splitTarget> {
  const start = endOfAuthority(url, url.indexOf("://") + 3);
  return splitTarget(toByteString(url.slice(start)));
}

/** Where the authority ends that begins at `start` of a URL. */
function endOfAuthority(url: string, start: number): number {
  for (let i = start; i < url.length; i++) {
    if (endsAuthority(url.charCodeAt(i))) return i;
  }
  return url.length;
}

/** True of "/", "?", "#" and the end of the text. */
function endsAuthority(unit: number): boolean {
  return unit === 47 || unit === 63 || unit === 35 || Number.isNaN(unit);
}

/** A target may hold UTF-8; PAGI's strings hold one byte per unit. */
function toByteString(text: string): string {
  if (PLAIN.test(text)) return text;
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) {
    bytes += String.fromCharCode(byte);
  }
  return bytes;
}
