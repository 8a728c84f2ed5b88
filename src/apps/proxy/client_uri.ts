/**
 * Addresses in a target's answer, as the client has to use them.
 *
 * @module
 */

import type { Target } from "./target.ts";

/** What tells where an address in an answer leads. */
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
