/** Makes the request for a target from a client's request. */

import {
  fieldValue,
  isSafeFieldValue,
  trimWhitespace,
} from "../../http/headers.ts";
import { memo } from "../../http/memo.ts";
import type {
  HeaderList,
  HttpScope,
  SseScope,
  WebSocketScope,
} from "../../pagi/types.ts";
import {
  canonicalName,
  fieldValues,
  isHopByHop,
  isReplaced,
  joinLists,
  listItems,
  pushForwarded,
} from "./forwarded.ts";
import type { Target } from "./target.ts";
import { requestPath, requestQuery } from "./upstream_path.ts";

/** What becomes of a client's field, by its name. */
type FieldUse =
  | "pass"
  | "drop"
  /** Dropped in handshakes of WebSockets, which the proxy makes itself. */
  | "handshake"
  /** Dropped as well, but what it says counts. */
  | "connection"
  | "te"
  | "via";

/** How the proxy changes requests. */
export interface RequestRules {
  /** Fields that are set in each request. */
  readonly set: HeaderList;
  /** Canonical names of other fields that are dropped. */
  readonly dropped: ReadonlySet<string>;
  readonly use: (name: string) => FieldUse;
  /** A fixed `host`, or null. */
  readonly host: string | null;
  /** True to send the client's `host` where none is fixed. */
  readonly preserveHost: boolean;
  readonly trustForwarded: boolean;
  /** The proxy's name in `via`, by which it recognizes its own requests. */
  readonly pseudonym: string;
}

/** The rules that set `headers` and drop the fields of `removed`. */
export function requestRules(
  headers: Readonly<Record<string, string>>,
  removed: readonly string[],
  { preserveHost, trustForwarded }: {
    preserveHost: boolean;
    trustForwarded: boolean;
  },
): RequestRules {
  const all = Object.entries(headers).map(([name, value]) =>
    [name.toLowerCase(), value] as [string, string]
  );
  const dropped = new Set(
    [...removed, ...all.map(([name]) => name)].map(canonicalName),
  );
  return {
    set: all.filter(([name]) => name !== "host"),
    dropped,
    use: memo((name) => fieldUse(canonicalName(name), dropped, trustForwarded)),
    host: fieldValue(all, "host"),
    preserveHost,
    trustForwarded,
    // Random, so that two proxies do not take each other for a loop.
    pseudonym: `pagi-${crypto.randomUUID().slice(0, 8)}`,
  };
}

function fieldUse(
  name: string,
  dropped: ReadonlySet<string>,
  trustForwarded: boolean,
): FieldUse {
  if (name === "connection" || name === "te" || name === "via") return name;
  if (
    name === "host" || isHopByHop(name) || isReplaced(name, trustForwarded) ||
    dropped.has(name)
  ) return "drop";
  return name.startsWith("sec-websocket-") && name !== "sec-websocket-protocol"
    ? "handshake"
    : "pass";
}

/** The scopes that the proxy serves. */
export type ProxyScope = HttpScope | SseScope | WebSocketScope;

/** A request without its framing fields. */
export interface UpstreamRequest {
  readonly method: string;
  /** Below the base path of the target; begins with "/", or is empty. */
  readonly path: string;
  /** True for "/" without a mount, whose slash the client cannot leave out. */
  readonly isStart: boolean;
  readonly query: string;
  /** Null for the target's own. */
  readonly host: string | null;
  readonly headers: HeaderList;
  /** True when this proxy has sent the request itself (RFC 9110, 7.6.3). */
  readonly isLoop: boolean;
}

/** Idempotent methods (RFC 9110, section 9.2.2). */
const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/;

/**
 * Some targets require it, although PAGI cannot pass on trailers. Other
 * transfer codings concern one connection only (RFC 9110, section 10.1.4).
 */
const TE_TRAILERS: HeaderList = [["te", "trailers"], ["connection", "te"]];

/** Whether a request without a body may be sent twice. */
export function isIdempotent({ method }: UpstreamRequest): boolean {
  return IDEMPOTENT.test(method);
}

/** Makes the request for the target of `scope`. */
export function upstreamRequest(
  scope: ProxyScope,
  rules: RequestRules,
): UpstreamRequest {
  const { use, dropped, set, trustForwarded, pseudonym } = rules;
  const isWebSocket = scope.type === "websocket";
  let fields: HeaderList = [];
  let hasOptions = false;
  let hasTe = false;
  let hasVia = false;
  for (const field of scope.headers) {
    switch (use(field[0])) {
      case "pass":
        fields.push(field);
        break;
      case "handshake":
        if (!isWebSocket) fields.push(field);
        break;
      case "connection":
        // That option names a field that is dropped anyway.
        hasOptions ||= field[1] !== "keep-alive";
        break;
      case "te":
        hasTe = true;
        break;
      case "via":
        hasVia = true;
    }
  }
  if (hasOptions) {
    const options = new Set(listItems(scope.headers, "connection"));
    fields = fields.filter(([name]) => !options.has(name.toLowerCase()));
  }
  const via = hasVia ? fieldValues(scope.headers, "via").join(", ") : "";
  fields.push(["via", joinLists(via, `${scope.http_version} ${pseudonym}`)]);
  pushForwarded(fields, scope, trustForwarded);
  if (dropped.size > 0) {
    fields = fields.filter(([name]) => !dropped.has(canonicalName(name)));
  }
  if (set.length > 0) fields.push(...set);
  if (
    hasTe && !isWebSocket && listItems(scope.headers, "te").includes("trailers")
  ) {
    fields.push(...TE_TRAILERS);
  }
  const path = requestPath(scope);
  return {
    method: isWebSocket ? "GET" : scope.method,
    path,
    isStart: path === "/" && (scope.raw_path ?? "/") === "/",
    query: requestQuery(scope),
    host: rules.host ??
      (rules.preserveHost ? fieldValue(scope.headers, "host") : null),
    headers: fields,
    isLoop: hasVia && namesProxy(via, pseudonym),
  };
}

/** Whether a `via` field names a proxy (RFC 9110, section 7.6.3). */
function namesProxy(via: string, pseudonym: string): boolean {
  return via.toLowerCase().split(",").some((item) =>
    trimWhitespace(item).split(/\s+/)[1] === pseudonym
  );
}

/** The head in its wire format; `path` includes the base path. */
export function formatRequestHead(
  { method, query, headers, host }: UpstreamRequest,
  target: Target,
  path: string,
  framing: HeaderList,
): string {
  let head = `${method} ${path}${query} HTTP/1.1\r\n`;
  for (const fields of [[["host", host ?? target.host]], headers, framing]) {
    for (const [name, value] of fields) {
      // A middleware may have changed the fields: prevents request smuggling.
      if (!isSafeFieldValue(value)) {
        throw new TypeError(`The header field ${name} contains a line break.`);
      }
      head += `${name}: ${value}\r\n`;
    }
  }
  return head + "\r\n";
}
