/** The proxy's targets, and the value types of its options. */

import { isHopByHop } from "./forwarded.ts";
import { isSafeFieldValue, isToken } from "../../http/headers.ts";
import { defineType, type ValueType } from "../../options/value_types.ts";

/** A parsed target URL. */
export interface Target {
  /** The URL without a final slash, for messages. */
  readonly url: string;
  readonly secure: boolean;
  /** The path of a Unix socket; null for TCP. */
  readonly socket: string | null;
  /** Name or address; IPv6 without brackets, names without a final dot. */
  readonly hostname: string;
  readonly port: number;
  /** The `host` field, with the port unless it is the scheme's default. */
  readonly host: string;
  /** Prefix of each request's path: "" or `/base`. */
  readonly basePath: string;
}

/** `unix:/run/app.sock`, or with a base path `http://unix:/run/app.sock:/base` (nginx). */
const UNIX = /^(?:(https?):\/\/unix:(?=\/)|unix:)([^:]+)(?::(\/.*)?)?$/is;

/** Parses the URL of a target; null where it is invalid. */
export function parseTarget(text: string): Target | null {
  const [, scheme, socket = null, base = "/"] = UNIX.exec(text) ?? [];
  if (scheme?.toLowerCase() === "https") return null;
  // The `host` field should not name a file.
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
      // Values may contain commas: one ends a field only before `name:`.
      const parts = given.split(/(?<!\r)\n|,(?=\s*[^\s,:]+\s*:)/);
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
