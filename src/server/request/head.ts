/**
 * The head of a request: its target and its header fields, read in one pass and
 * checked before any app sees it.
 *
 * @module
 */

import { headerList } from "../../engine/request.ts";
import { memo } from "../../http/memo.ts";
import { decodePath, splitTarget } from "../../http/target.ts";
import type { HeaderList } from "../../pagi/types.ts";
import type { Http2Connection, Http2Connections } from "../http2_connection.ts";
import { assertBodySize } from "./body.ts";
import { Refusal } from "../response/plain_answer.ts";

/** Which room serves a request (PAGI.md 3.1, row "kind"). */
export type RequestKind = "http" | "sse" | "websocket";

/** What a request's head says. */
export interface RequestHead {
  readonly kind: RequestKind;
  /** As sent: names are case-sensitive (RFC 9110, 9.1). */
  readonly method: string;
  /** Decoded. */
  readonly path: string;
  /** As sent, before the first "?"; one code unit per byte. */
  readonly rawPath: string;
  /** As sent, after the first "?". */
  readonly query: string;
  /** True of a target that ends with its first "?": `/x?` is not `/x`. */
  readonly emptyQuery: boolean;
  /** The connection that it came by, where that is HTTP/2. */
  readonly http2: Http2Connection | null;
  readonly headers: HeaderList;
  /** Bytes announced by `content-length`, or null. */
  readonly contentLength: number | null;
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
 * @throws {Refusal} With the status that answers a head the server does not
 * take (PAGI.md 6): 400, 405, 413, 414, 421, 426, 431, 501.
 */
export function readHead(
  request: Request,
  limits: HeadLimits,
  secure: boolean,
  info: Deno.ServeHandlerInfo,
  connections: Http2Connections,
): RequestHead {
  const { method, url } = request;
  const headers = headerList(request);
  let host: string | undefined;
  let size = 0;
  let contentLength: number | null = null;
  let coded = false;
  let foreignCoding = false;
  let upgrade = false;
  let connection = "";
  let key: string | undefined;
  let version: string | undefined;
  let events = false;
  for (let i = 0; i < headers.length; i++) {
    const field = headers[i];
    const value = field[1];
    size += field[0].length + value.length + 4;
    switch (field[0]) {
      case "":
        throw new Refusal(400, "A header field's name is no token.");
      case "host":
        // The engine looks for a second one in HTTP/1.1 only; no version may
        // have it (RFC 9112, 3.2).
        if (host !== undefined) throw badHost();
        host = value;
        break;
      case "accept":
        if (!events) events = namesEventStream(value);
        break;
      case "content-length":
        // Repeated, even with the same value, it is refused (PAGI.md 6).
        contentLength = contentLength === null ? Number(value) : NaN;
        break;
      case "transfer-encoding":
        coded = true;
        foreignCoding ||= value.toLowerCase() !== "chunked";
        break;
      case "upgrade":
        upgrade ||= listNames(value, "websocket");
        break;
      case "connection":
        connection += `,${value}`;
        break;
      case "sec-websocket-key":
        // Neither of these two may come twice (RFC 6455, section 11.3).
        key = key === undefined ? value : "";
        break;
      case "sec-websocket-version":
        version = version === undefined ? value : "";
        break;
    }
  }

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
    // sends `:authority` in its stead. HTTP/1 must send `host` all the same.
    if (host === undefined) {
      // Only HTTP/1 upgrades, and the engine calls the handler otherwise then.
      if (!upgrade) http2 = connections.of(info);
      if (http2 === null) {
        throw new Refusal(400, "An HTTP/1.1 request needs a host header.");
      }
      headers.unshift(["host", authority]);
    } else if (host !== "") {
      if (!isHost(host)) throw badHost();
      for (const field of headers) {
        if (field[0] === "host") field[1] = authority;
      }
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
    headers.length > limits.maxHeaderCount || size > limits.maxHeaderSize
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
  if (contentLength !== null) assertBodySize(contentLength, limits.maxBodySize);

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

  const target = url.slice(pathStart);
  const mark = target.indexOf("?");
  // `GET http://host?query` has an empty path, which means "/".
  let rawPath = (mark < 0 ? target : target.slice(0, mark)) || "/";
  let path = rawPath;
  if (!isPlainPath(rawPath)) {
    rawPath = checkedTarget(rawPath);
    path = decodePath(rawPath);
  }
  return {
    kind,
    method,
    path,
    rawPath,
    query: mark < 0 ? "" : checkedTarget(target.slice(mark + 1)),
    emptyQuery: mark >= 0 && mark === target.length - 1,
    http2,
    headers,
    contentLength,
  };
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
  return accept.length >= 17 &&
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
/** The same without "%". */
const PLAIN_AND_DECODED = /^[!"$&-~]*$/;

/** True of a path that is right and the same when decoded, as most are. */
function isPlainPath(path: string): boolean {
  return PLAIN_AND_DECODED.test(path);
}

/**
 * A target or a part of one, one code unit per byte.
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
