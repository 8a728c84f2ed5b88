/**
 * The head of a request: its target and its header fields, read in one pass and
 * checked before any app sees it.
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
  /** Index of its first "?", or -1. */
  readonly #mark: number;
  readonly #fields: HeaderList;
  #isLower: boolean;
  /** The client as a trusted proxy forwards it; null without one. */
  forwarded: ForwardedClient | null = null;

  /**
   * @param method As sent: names are case-sensitive (RFC 9110, 9.1).
   * @param host The checked value of the `host` field.
   * @param http2 The request's HTTP/2 connection; null for HTTP/1.
   * @param contentLength Bytes announced by `content-length`, or null.
   * @param isLower True if the names of `fields` are in lower case.
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
   * Sets the client that a trusted proxy forwards. If the proxy forwards the
   * host that the client asked for, it replaces the request's.
   *
   * @throws {Refusal} 400 when that host is malformed.
   */
  takeForwarded(forwarded: ForwardedClient): void {
    this.forwarded = forwarded;
    const { host } = forwarded;
    if (host === null) return;
    // `isHost` allows commas, but here a comma separates the hosts of a list.
    if (!isHost(host) || host.includes(",")) {
      throw new Refusal(
        400,
        "The host that the proxy forwards is not a valid host.",
      );
    }
    this.host = host;
    const field = this.headers.find(([name]) => name === "host");
    if (field === undefined) this.#fields.unshift(["host", host]);
    else field[1] = host;
  }
}

/** Limits of a request's head, and of the body length that it announces. */
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
 * Checks a host. Apps make URLs of it, and `1.2.3.999` or `a:99999` would make
 * them throw. The memo is small, because a host that is a slice of a URL keeps
 * the whole URL in memory.
 */
const isHost = memo(
  (host) => HOST.test(host) && URL.canParse(`http://${host}/`),
  { entries: 64 },
);

/**
 * Reads the head of a request.
 *
 * @param secure True if the request came by TLS.
 * @param info The engine's object for the request, by which `connections`
 * recognise HTTP/2 where the head does not show it.
 * @param fields The header fields, if they have been read already.
 * @throws {Refusal} When the head is not acceptable (PAGI.md 6): 400, 405, 413,
 * 414, 421, 426, 431 or 501.
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
    // The length alone rules out most names.
    switch (name.length) {
      case 4:
        if (!isName(name, "host")) break;
        // The engine refuses a second `host` in HTTP/1.1 only; no version allows
        // one (RFC 9112, 3.2).
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
        // A repeated content-length is refused, even with an equal value
        // (PAGI.md 6).
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
  // Names are in lower case in HTTP/2 (RFC 9113, 8.2.1). There the engine
  // accepts some that are not tokens; in HTTP/1 it does not.
  const isLower = hostField === undefined || hostField[0] === "host";
  if (isLower && !lowerNames(fields)) {
    throw new Refusal(400, "A header field's name is not a token.");
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
      throw new Refusal(400, "Only OPTIONS may have the target *.");
    }
    // An absolute target overrides the host (RFC 9112, 3.2.2), but an HTTP/1
    // request must have `host` nevertheless. HTTP/2 has `:authority` instead.
    if (host === undefined) {
      // Only HTTP/1 has upgrades, and for those `connections` cannot recognise
      // the version: the engine calls the handler in another way.
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
  // In HTTP/2 a proxy that terminates TLS sends the scheme of its own client.
  if (http2 === null && !ordinary) {
    assertScheme(url, secure);
  }
  if (!isHost(host)) throw badHost();
  if (method === "CONNECT") {
    throw new Refusal(
      405,
      "This server is not a tunnel: CONNECT is not allowed.",
      // No method is allowed on a target of host and port (RFC 9110, 15.5.6).
      [["allow", ""]],
    );
  }
  // 10: two spaces and "HTTP/1.1".
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
    throw new Refusal(501, "Only the transfer coding chunked is supported.");
  }
  if (Number.isNaN(contentLength)) {
    throw new Refusal(400, "A request must have only one content-length.");
  }
  // Deno before 2.9 accepts a request with both, and may disagree with a proxy
  // on where its body ends (RFC 9112, 6.3).
  if (coded && contentLength !== null) {
    throw new Refusal(
      400,
      "A request must not have both content-length and transfer-encoding.",
    );
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
      throw new Refusal(426, "Only WebSocket version 13 is supported.", [
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
 * Compares a name with `lower` without regard to case and without allocating.
 * `lower` has the same length, and consists of lower-case letters and hyphens.
 */
export function isName(name: string, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    if ((name.charCodeAt(i) | 0x20) !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Refuses an absolute target whose scheme is not that of its connection: it is
 * meant for another server (RFC 9110, 7.4).
 */
function assertScheme(url: string, secure: boolean): void {
  const scheme = url.slice(0, url.indexOf(":")).toLowerCase();
  // The engine uses the scheme `http+unix` for Unix sockets.
  if (scheme === (secure ? "https" : "http") || scheme === "http+unix") return;
  throw new Refusal(421, `This connection serves no ${scheme} targets.`);
}

function badHost(): Refusal {
  return new Refusal(400, "The host header is not a valid host.");
}

/** `text/event-stream` among the media types, whatever its parameters. */
function namesEventStream(accept: string): boolean {
  // The regular expression rules out most lists without splitting them.
  return EVENT_STREAM.test(accept) &&
    accept.toLowerCase().split(",").some((item) =>
      item.split(";", 1)[0].trim() === "text/event-stream"
    );
}

/** True if a comma-separated list contains `token` (lower case). */
function listNames(list: string, token: string): boolean {
  return list.toLowerCase().split(",").some((item) => item.trim() === token);
}

/** Visible ASCII without "#", as nearly all targets are. */
const PLAIN = /^[!"$-~]*$/;
/**
 * Returns a target with one code unit per byte.
 *
 * @throws {Refusal} When it contains a character that no target may contain.
 */
function checkedTarget(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text.includes("#")) {
    throw new Refusal(400, "A request target must not have a fragment.");
  }
  // DEL is the one control character that the engine accepts in HTTP/2.
  if (text.includes("\x7f")) {
    throw new Refusal(
      400,
      "A request target must not have control characters.",
    );
  }
  return toByteString(text);
}

/** The request target in the engine's URL of a request, unchecked. */
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

/** Encodes a target that may contain UTF-8: PAGI's strings have one byte per unit. */
function toByteString(text: string): string {
  if (PLAIN.test(text)) return text;
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) {
    bytes += String.fromCharCode(byte);
  }
  return bytes;
}
