/** Makes the request for a target from a client's request. */

import { fieldValue, isSafeFieldValue } from "../../http/headers.ts";
import type {
  HeaderList,
  HttpScope,
  SseScope,
  WebSocketScope,
} from "../../pagi/types.ts";
import {
  canonicalName,
  fieldValues,
  forwardedFields,
  isHopByHop,
  isReplaced,
  listItems,
} from "./forwarded.ts";
import type { Target } from "./target.ts";
import { requestPath, requestQuery } from "./upstream_path.ts";

/** How the proxy changes requests. */
export interface RequestRules {
  /** Fields that are set in each request. */
  readonly set: HeaderList;
  /** Canonical names of other fields that are dropped. */
  readonly dropped: ReadonlySet<string>;
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
  return {
    set: all.filter(([name]) => name !== "host"),
    dropped: new Set(
      [...removed, ...all.map(([name]) => name)].map(canonicalName),
    ),
    host: fieldValue(all, "host"),
    preserveHost,
    trustForwarded,
    // Random, so that two proxies do not take each other for a loop.
    pseudonym: `pagi-${crypto.randomUUID().slice(0, 8)}`,
  };
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
}

/** Idempotent methods (RFC 9110, section 9.2.2). */
const IDEMPOTENT = /^(?:GET|HEAD|OPTIONS|PUT|DELETE)$/;

/**
 * Some targets require it, although PAGI cannot pass on trailers. Other
 * transfer codings concern one connection only (RFC 9110, section 10.1.4).
 */
const TE_TRAILERS: HeaderList = [["te", "trailers"], ["connection", "te"]];

function acceptsTrailers({ type, headers }: ProxyScope): boolean {
  return type !== "websocket" && listItems(headers, "te").includes("trailers");
}

/** Whether a request without a body may be sent twice. */
export function isIdempotent({ method }: UpstreamRequest): boolean {
  return IDEMPOTENT.test(method);
}

/** Makes the request for the target of `scope`. */
export function upstreamRequest(
  scope: ProxyScope,
  rules: RequestRules,
): UpstreamRequest {
  const { dropped, set, trustForwarded } = rules;
  const own: HeaderList = [
    ["via", via(scope, rules.pseudonym)],
    ...forwardedFields(scope, trustForwarded),
  ];
  const path = requestPath(scope);
  return {
    method: scope.type === "websocket" ? "GET" : scope.method,
    path,
    isStart: path === "/" && (scope.raw_path ?? "/") === "/",
    query: requestQuery(scope),
    host: rules.host ??
      (rules.preserveHost ? fieldValue(scope.headers, "host") : null),
    headers: [
      ...clientFields(scope, trustForwarded),
      ...own,
    ].filter(([name]) => !dropped.has(canonicalName(name))).concat(
      set,
      acceptsTrailers(scope) ? TE_TRAILERS : [],
    ),
  };
}

/** Whether this proxy has sent the request itself (RFC 9110, 7.6.3). */
export function isLoop(scope: ProxyScope, pseudonym: string): boolean {
  return listItems(scope.headers, "via").some((item) =>
    item.split(/\s+/)[1] === pseudonym
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

/** The client's fields that are passed on. */
function clientFields(scope: ProxyScope, trustForwarded: boolean): HeaderList {
  const { type, headers } = scope;
  const options = new Set(listItems(headers, "connection"));
  return headers.filter(([name]) => {
    const canonical = canonicalName(name);
    return canonical !== "host" && canonical !== "via" &&
      !isHopByHop(canonical) && !options.has(name.toLowerCase()) &&
      !isReplaced(canonical, trustForwarded) &&
      !(type === "websocket" && isHandshake(canonical));
  });
}

/** The proxy makes its own handshake, without extensions. */
function isHandshake(name: string): boolean {
  return name.startsWith("sec-websocket-") && name !== "sec-websocket-protocol";
}

function via({ headers, http_version }: ProxyScope, pseudonym: string): string {
  return [...fieldValues(headers, "via"), `${http_version} ${pseudonym}`]
    .join(", ");
}
