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
  /** The path of a Unix socket; null for TCP. */
  readonly socket: string | null;
  /** A name or an address; IPv6 without brackets, names without a final dot. */
  readonly hostname: string;
  readonly port: number;
  /** What `host` says: the port only where it is not the scheme's own. */
  readonly host: string;
  /** Goes before the path of each request: "" or `/base`. */
  readonly basePath: string;
}

/**
 * `unix:/run/app.sock`, with a base path behind a second colon, as nginx writes
 * it: `http://unix:/run/app.sock:/base`.
 */
const UNIX = /^(?:(https?):\/\/unix:(?=\/)|unix:)([^:]+)(?::(\/.*)?)?$/is;

/** Reads the URL of a target; null where it is none. */
export function parseTarget(text: string): Target | null {
  const [, scheme, socket = null, base = "/"] = UNIX.exec(text) ?? [];
  if (scheme?.toLowerCase() === "https") return null;
  // What is told as the host is not to be a file's name.
  const address = socket === null ? text : `http://localhost${base}`;
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") return null;
  const more = url.username + url.password + url.search + url.hash;
  if (more !== "" || /[?#]/.test(address)) return null;
  const basePath = url.pathname.replace(/\/+$/, "");
  return {
    url: socket === null
      ? url.origin + basePath
      : `unix:${socket}${basePath && ":"}${basePath}`,
    secure,
    socket,
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    host: url.host,
    basePath,
  };
}
