/**
 * Kinds of option values that only the proxy has.
 *
 * @module
 */

import { isSafeFieldValue, isToken } from "../../http/headers.ts";
import { defineKind } from "../../options/kinds.ts";
import type { Kind } from "../../options/kinds.ts";
import { isHopByHop } from "./hop_by_hop.ts";
import { parseTarget } from "./target.ts";

/** The URL of a target. */
export const targetUrl: Kind<string> = defineKind({
  placeholder: "URL",
  allowed:
    'an http or https URL without user, query and fragment, as in "http://backend:3000/base", or a Unix socket, as in "unix:/run/app.sock"',
  parse: (given) => parseTarget(given) === null ? undefined : given,
});

/** The domain of a cookie, or `none` (RFC 6265, section 4.1.2.3). */
export const cookieDomain: Kind<string> = defineKind({
  placeholder: "NAME",
  allowed: 'the name of a domain, as in "example.com", or none',
  parse: (given) => /^\.?[\w-]+(?:\.[\w-]+)*$/.test(given) ? given : undefined,
});

/** The name of a header field. */
export const fieldName: Kind<string> = defineKind({
  placeholder: "NAME",
  allowed: "the name of a header field",
  parse: (given) => isToken(given) ? given : undefined,
});

/** Header fields: `name: value`, several separated by commas; or an object. */
export const headerFields: Kind<Readonly<Record<string, string>>> = defineKind<
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
