/** Rewrites header fields of a target's response for the client. */

import { isHopByHop } from "./forwarded.ts";
import type { Target } from "./target.ts";
import { escapesRoot } from "./escapes_root.ts";
import type {
  ProxyScope,
  RequestRules,
  UpstreamRequest,
} from "./upstream_request.ts";
import type { Limits, UpstreamResponse, Upstreams } from "./upstreams.ts";
import { fieldValue, hasLength } from "../../http/headers.ts";
import type { HeaderList } from "../../pagi/types.ts";

/** How to map the URIs of a response. */
export interface UriMapping {
  /** The target that sent the response. */
  readonly target: Target;
  /** All targets of the proxy. */
  readonly targets: readonly Target[];
  /** The `host` that was sent to the target. */
  readonly sentHost: string;
  /** The hosts in the client's request: ours, and that of a proxy before us. */
  readonly hosts: readonly string[];
  /** True when the client's connection uses TLS. */
  readonly secure: boolean;
  /** Where the proxy is mounted, percent-encoded. */
  readonly root: string;
  /** The `x-forwarded-prefix` sent: the mount, behind that of a proxy before us. */
  readonly prefix: string;
}

/** Scheme, authority and the rest (RFC 3986, appendix B). */
const PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#\\]*))?(.*)$/is;

/**
 * Maps a URI of the target to the proxy. Relative URIs and those of other hosts
 * stay as they are.
 *
 * A URI of any target, or with the host sent to it, becomes a path below the
 * mount, which hides internal names. A URI with the client's host keeps scheme
 * and host (it may lead from http to https) and gets the mount, unless the
 * target has added that itself, by `x-forwarded-prefix`.
 */
export function clientUri(uri: string, mapping: UriMapping): string {
  const { target, targets, sentHost, hosts, secure, root, prefix } = mapping;
  const [, scheme, authority, rest] = PARTS.exec(uri)!;
  if (authority === undefined) {
    const isPath = scheme === undefined && rest.startsWith("/");
    return isPath ? rebase(rest, target.basePath, root) ?? uri : uri;
  }
  const named = scheme?.toLowerCase();
  if (named !== undefined && named !== "http" && named !== "https") return uri;
  const isSecure = named === undefined ? secure : named === "https";
  const place = hostKey(authority, isSecure);
  if (hosts.some((host) => place === hostKey(host, isSecure))) {
    const hasMount = (mount: string) => mount !== "" && isBelow(rest, mount);
    if (hasMount(root) || hasMount(prefix)) return uri;
    const path = rebase(rest, target.basePath, root);
    return path === null
      ? uri
      : `${uri.slice(0, uri.length - rest.length)}${path}`;
  }
  for (const { secure: own, host: name, basePath } of targets) {
    const sameScheme = isSecure === own || isSecure === secure;
    if (!sameScheme || place !== hostKey(name, isSecure)) continue;
    const path = rebase(rest, basePath, root);
    if (path !== null) return path;
  }
  const isSentHost = place === hostKey(sentHost, isSecure) &&
    (isSecure === target.secure || isSecure === secure);
  return isSentHost ? rebase(rest, target.basePath, root) ?? uri : uri;
}

/**
 * Moves a path (with query and fragment) from below `base` to below `root`;
 * null where it is not below `base`, or would lead to another host.
 */
function rebase(rest: string, base: string, root: string): string | null {
  if (!isBelow(rest, base)) return null;
  let below = rest.slice(base.length);
  // Behind a host the path must begin with a slash.
  if (!below.startsWith("/") && (base === "" || root === "")) {
    below = `/${below}`;
  }
  const path = root + below;
  return /^\/[/\\]/.test(path) ? null : path;
}

function isBelow(rest: string, base: string): boolean {
  return rest.startsWith(base) && /^(?:[/?#]|$)/.test(rest.slice(base.length));
}

/** Normalizes a host: lower case, without final dot and default port. */
function hostKey(host: string, secure: boolean): string {
  const [, name, port = ""] = /^(.*?)(?::(\d*))?$/s.exec(host.toLowerCase())!;
  const own = port === "" || port === (secure ? "443" : "80");
  return name.replace(/\.$/, "") + (own ? "" : `:${port}`);
}

/**
 * `refresh: 5; url=/x`. Browsers require neither `;` nor `url=`, and accept
 * quotes (HTML standard, "shared declarative refresh steps").
 */
const REFRESH = /^(\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?)(["']?)(.*)$/is;

/** Maps the URI of a `refresh` field. */
export function clientRefresh(value: string, mapping: UriMapping): string {
  const [, before, quote, rest] = REFRESH.exec(value) ?? [];
  if (rest === undefined) return value;
  const end = quote === "" ? rest.length : rest.indexOf(quote);
  const uri = rest.slice(0, end < 0 ? rest.length : end);
  return before + quote + clientUri(uri, mapping) + rest.slice(uri.length);
}

/**
 * Maps a `set-cookie`: a path below the target's base path becomes one below
 * the mount (RFC 6265, section 5.2.4).
 *
 * @param domain Replaces the cookie's domain; "" removes it, null keeps it.
 */
export function clientCookie(
  value: string,
  { target: { basePath }, root }: UriMapping,
  domain: string | null,
): string {
  if (basePath === root && domain === null) return value;
  // Clients accept these only with the path "/" and without a domain.
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
  // A cookie for the whole target is one for the whole mount.
  if (path === "/" || isBelow(base, path)) return root || "/";
  return isBelow(path, base) ? root + path.slice(base.length) || "/" : path;
}

/** The parts of a proxy. */
export interface ProxyContext {
  readonly upstreams: Upstreams;
  readonly rules: RequestRules;
  readonly limits: Limits;
  /** The new domain of cookies; "" for none, null keeps the target's. */
  readonly cookieDomain: string | null;
  /** True where clients may reach only a part of some target. */
  readonly hasBasePath: boolean;
}

/**
 * The status for a request that is not passed on, or null. TRACE would show
 * clients the fields that the proxy adds.
 */
export function refusalStatus(
  { hasBasePath }: ProxyContext,
  scope: ProxyScope,
  { method, path, isLoop }: UpstreamRequest,
): 400 | 501 | 508 | null {
  if (method === "TRACE" || method === "CONNECT") return 501;
  if (isLoop) return 508;
  const confined = hasBasePath || scope.root_path !== "";
  return confined && escapesRoot(path) ? 400 : null;
}

/**
 * The response's fields for the client: without hop-by-hop fields, with URIs
 * and cookies mapped to the proxy, in their order.
 */
export function responseFields(
  context: ProxyContext,
  { head: { status, headers, options }, upstream: { target } }:
    UpstreamResponse,
  scope: ProxyScope,
  request: UpstreamRequest,
): HeaderList {
  const fields: HeaderList = [];
  let mapping: UriMapping | null = null;
  const mapped = () => mapping ??= uriMapping(context, target, scope, request);
  for (const [name, value] of headers) {
    const drop = name === "content-length"
      ? !hasLength(status)
      : isHopByHop(name);
    if (drop || options.length > 0 && options.includes(name)) continue;
    const text = name === "location" || name === "content-location"
      ? clientUri(value, mapped())
      : name === "refresh"
      ? clientRefresh(value, mapped())
      : name === "set-cookie"
      ? clientCookie(value, mapped(), context.cookieDomain)
      : value;
    fields.push([name, text]);
  }
  return fields;
}

function uriMapping(
  { upstreams }: ProxyContext,
  target: Target,
  { headers, scheme, root_path }: ProxyScope,
  { host, headers: sent }: UpstreamRequest,
): UriMapping {
  const first = (name: string) => fieldValue(sent, name)?.split(",", 1)[0];
  const root = encodeURI(root_path.toWellFormed());
  return {
    target,
    targets: upstreams.targets,
    sentHost: host ?? target.host,
    hosts: [fieldValue(headers, "host"), first("x-forwarded-host")]
      .flatMap((host) => host?.trim() || []),
    secure: scheme === "https" || scheme === "wss",
    root,
    prefix: first("x-forwarded-prefix") ?? root,
  };
}
