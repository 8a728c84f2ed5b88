/**
 * Where the proxy sends requests, and the options that say so.
 *
 * @module
 */

import { isHopByHop } from "./forwarded.ts";
import { isSafeFieldValue, isToken } from "../../http/headers.ts";
import { defineType, type ValueType } from "../../options/value_types.ts";

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

/** The URL of a target. */
export const targetUrl: ValueType<string> = defineType({
  placeholder: "URL",
  allowed:
    'an http or https URL without user, query and fragment, as in "http://backend:3000/base", or a Unix socket, as in "unix:/run/app.sock"',
  parse: (given) => parseTarget(given) === null ? undefined : given,
});

/** The domain of a cookie, or `none` (RFC 6265, section 4.1.2.3). */
export const cookieDomain: ValueType<string> = defineType({
  placeholder: "NAME",
  allowed: 'the name of a domain, as in "example.com", or none',
  parse: (given) => /^\.?[\w-]+(?:\.[\w-]+)*$/.test(given) ? given : undefined,
});

/** The name of a header field. */
export const fieldName: ValueType<string> = defineType({
  placeholder: "NAME",
  allowed: "the name of a header field",
  parse: (given) => isToken(given) ? given : undefined,
});

/** Header fields: `name: value`, several separated by commas; or an object. */
export const headerFields: ValueType<Readonly<Record<string, string>>> =
  defineType<
    Readonly<Record<string, string>>
  >({
    placeholder: "NAME:VALUE,…",
    allowed:
      'header fields, as in "x-key: abc, x-env: test", none of which frames messages',
    parse(given) {
      // A comma ends a field only where the next one begins.
      const parts = given.split(/,(?=\s*[^\s,:]+\s*:)/);
      const fields = Object.fromEntries(
        given.trim() === "" ? [] : parts.map((part) => {
          const [, name = "", value] = /^([^:]*):(.*)$/s.exec(part) ?? [];
          return [name.trim(), value?.trim()];
        }),
      );
      return areFields(fields) ? fields : undefined;
    },
    is: areFields,
  });

function areFields(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([name, text]) =>
      isToken(name) && !isHopByHop(name.toLowerCase()) &&
      typeof text === "string" && isSafeFieldValue(text)
    );
}
