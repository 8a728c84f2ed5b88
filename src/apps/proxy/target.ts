/**
 * Where the proxy sends requests.
 *
 * @module
 */

/** One target, as its URL says. */
export interface Target {
  /** The URL without a slash at the end, for messages. */
  readonly url: string;
  readonly secure: boolean;
  /** A name or an address; IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** What `host` says: the port only where it is not the scheme's own. */
  readonly host: string;
  /** Goes before the path of each request: "" or `/base`. */
  readonly basePath: string;
}

/** Reads the URL of a target; null where it is none. */
export function parseTarget(text: string): Target | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") return null;
  const more = url.username + url.password + url.search + url.hash;
  if (more !== "" || /[?#]/.test(text)) return null;
  const basePath = url.pathname.replace(/\/+$/, "");
  return {
    url: url.origin + basePath,
    secure,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    host: url.host,
    basePath,
  };
}
