/**
 * Header fields and addresses in a target's response, as the client gets them.
 *
 * @module
 */

import { isHopByHop, listItems } from "./forwarded.ts";
import type { ResponseHead } from "./response.ts";
import type { Target } from "./target.ts";
import { escapesRoot } from "./upstream_path.ts";
import {
  isLoop,
  type ProxyScope,
  type RequestRules,
  type UpstreamRequest,
} from "./upstream_request.ts";
import type { Limits, Upstreams } from "./upstreams.ts";
import { fieldValue, hasLength } from "../../http/headers.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** What tells where an address in a response leads. */
export interface AddressView {
  /** The target that answers. */
  readonly target: Target;
  /** All that could have answered in its place. */
  readonly targets: readonly Target[];
  /** The host that the target was told. */
  readonly told: string;
  /** The hosts that the client asked: ours, and that of a proxy before us. */
  readonly hosts: readonly string[];
  /** True when the client came by TLS. */
  readonly secure: boolean;
  /** Where the proxy is mounted, percent-encoded. */
  readonly root: string;
  /** The same as the target was told it: with what a proxy before us takes off. */
  readonly prefix: string;
}

/** Scheme, authority and the rest (RFC 3986, appendix B). */
const PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#\\]*))?(.*)$/is;

/**
 * Makes an address that leads to the target lead to the proxy; relative ones
 * and those of other hosts stay as they are.
 *
 * An address of any target, or of the host that the target was told, becomes a
 * path below the mount: the client is not to see the internal name. One of the
 * host that the client asked keeps scheme and host (it may ask for another
 * scheme) and gains the mount, unless the target knew of it already, by
 * `x-forwarded-prefix`.
 */
export function clientUri(uri: string, view: AddressView): string {
  const { target, targets, told, hosts, secure, root, prefix } = view;
  const [, scheme, authority, rest] = PARTS.exec(uri)!;
  if (authority === undefined) {
    const isPath = scheme === undefined && rest.startsWith("/");
    return isPath ? moved(rest, target.basePath, root) ?? uri : uri;
  }
  const named = scheme?.toLowerCase();
  if (named !== undefined && named !== "http" && named !== "https") return uri;
  const isSecure = named === undefined ? secure : named === "https";
  const place = hostKey(authority, isSecure);
  if (hosts.some((host) => place === hostKey(host, isSecure))) {
    const knew = (mount: string) => mount !== "" && isBelow(rest, mount);
    if (knew(root) || knew(prefix)) return uri;
    const path = moved(rest, target.basePath, root);
    return path === null
      ? uri
      : `${uri.slice(0, uri.length - rest.length)}${path}`;
  }
  for (const { secure: own, host: name, basePath } of targets) {
    const sameScheme = isSecure === own || isSecure === secure;
    if (!sameScheme || place !== hostKey(name, isSecure)) continue;
    const path = moved(rest, basePath, root);
    if (path !== null) return path;
  }
  const isTold = place === hostKey(told, isSecure) &&
    (isSecure === target.secure || isSecure === secure);
  return isTold ? moved(rest, target.basePath, root) ?? uri : uri;
}

/**
 * What is below `base` in `rest` (a path with query and fragment), moved below
 * `root`; null where it is not below, or would lead to another host.
 */
function moved(rest: string, base: string, root: string): string | null {
  if (!isBelow(rest, base)) return null;
  let below = rest.slice(base.length);
  // A base path and a mount can do without a slash, a host cannot.
  if (!below.startsWith("/") && (base === "" || root === "")) {
    below = `/${below}`;
  }
  const path = root + below;
  return /^\/[/\\]/.test(path) ? null : path;
}

/** True when `rest` is `base` or something below it. */
function isBelow(rest: string, base: string): boolean {
  return rest.startsWith(base) && /^(?:[/?#]|$)/.test(rest.slice(base.length));
}

/** A host to compare by: lower case, without final dot and default port. */
function hostKey(host: string, secure: boolean): string {
  const [, name, port = ""] = /^(.*?)(?::(\d*))?$/s.exec(host.toLowerCase())!;
  const own = port === "" || port === (secure ? "443" : "80");
  return name.replace(/\.$/, "") + (own ? "" : `:${port}`);
}

/**
 * `refresh: 5; url=/x`, of which browsers need neither `;` nor `url=`; the URL
 * may be quoted (HTML standard, "shared declarative refresh steps").
 */
const REFRESH = /^(\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?)(["']?)(.*)$/is;

/** The value of a `refresh` field as the client has to use it. */
export function clientRefresh(value: string, view: AddressView): string {
  const [, before, quote, rest] = REFRESH.exec(value) ?? [];
  if (rest === undefined) return value;
  const end = quote === "" ? rest.length : rest.indexOf(quote);
  const uri = rest.slice(0, end < 0 ? rest.length : end);
  return before + quote + clientUri(uri, view) + rest.slice(uri.length);
}

/**
 * A `set-cookie` as the client has to keep it: a path below the target's base
 * path is one below the mount (RFC 6265, section 5.2.4).
 *
 * @param domain Replaces a domain, which may be one that only the target has;
 * "" leaves it out, null leaves it as it is.
 */
export function clientCookie(
  value: string,
  { target: { basePath }, root }: AddressView,
  domain: string | null,
): string {
  if (basePath === root && domain === null) return value;
  // Clients take these with the path "/" and without a domain only.
  if (/^\s*__host-/i.test(value)) return value;
  const [pair, ...attributes] = value.split(";");
  const kept = attributes.flatMap((attribute) => {
    const equals = attribute.indexOf("=");
    const given = attribute.slice(equals + 1).trim();
    switch (attribute.slice(0, Math.max(equals, 0)).trim().toLowerCase()) {
      case "path":
        return [` Path=${cookiePath(given, basePath, root)}`];
      case "domain":
        if (domain === null) return [attribute];
        return domain === "" ? [] : [` Domain=${domain}`];
      default:
        return [attribute];
    }
  });
  return [pair, ...kept].join(";");
}

function cookiePath(path: string, base: string, root: string): string {
  if (!path.startsWith("/")) return path;
  // One that holds for all of the target holds for all of the mount.
  if (path === "/" || isBelow(base, path)) return root || "/";
  return isBelow(path, base) ? root + path.slice(base.length) || "/" : path;
}

/** The parts of a proxy. */
export interface ProxyContext {
  readonly upstreams: Upstreams;
  readonly rules: RequestRules;
  readonly limits: Limits;
  /** The domain of targets' cookies; "" for none, null for theirs. */
  readonly cookieDomain: string | null;
  /** True where only a part of some target is given free. */
  readonly hasBasePath: boolean;
}

/**
 * The status of the response to what no target is to see, or null. TRACE would
 * show clients what the proxy adds for the target's eyes only.
 */
export function refusalStatus(
  { rules, hasBasePath }: ProxyContext,
  scope: ProxyScope,
  { method, path }: UpstreamRequest,
): 400 | 501 | 508 | null {
  if (method === "TRACE" || method === "CONNECT") return 501;
  if (isLoop(scope, rules.pseudonym)) return 508;
  const confined = hasBasePath || scope.root_path !== "";
  return confined && escapesRoot(path) ? 400 : null;
}

/**
 * Drops what concerns the connection to the target, and makes addresses and
 * cookies of the target those of the proxy. All others stay as they are, in
 * order.
 */
export function responseFields(
  { status, headers }: ResponseHead,
  context: ProxyContext,
  target: Target,
  scope: ProxyScope,
  request: UpstreamRequest,
): HeaderList {
  const options = new Set(listItems(headers, "connection"));
  const fields: HeaderList = [];
  let view: AddressView | null = null;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const drop = lower === "content-length"
      ? !hasLength(status)
      : isHopByHop(lower);
    if (drop || options.has(lower)) continue;
    switch (lower) {
      case "location":
      case "content-location":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientUri(value, view)]);
        break;
      case "refresh":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientRefresh(value, view)]);
        break;
      case "set-cookie":
        view ??= addressView(context, target, scope, request);
        fields.push([lower, clientCookie(value, view, context.cookieDomain)]);
        break;
      default:
        fields.push([lower, value]);
    }
  }
  return fields;
}

function addressView(
  { upstreams }: ProxyContext,
  target: Target,
  { headers, scheme, root_path }: ProxyScope,
  { host, headers: told }: UpstreamRequest,
): AddressView {
  const first = (name: string) => fieldValue(told, name)?.split(",", 1)[0];
  const root = encodeURI(root_path.toWellFormed());
  return {
    target,
    targets: upstreams.targets,
    told: host ?? target.host,
    hosts: [fieldValue(headers, "host"), first("x-forwarded-host")]
      .flatMap((host) => host?.trim() || []),
    secure: scheme === "https" || scheme === "wss",
    root,
    prefix: first("x-forwarded-prefix") ?? root,
  };
}
