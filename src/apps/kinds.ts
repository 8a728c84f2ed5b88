/**
 * Kinds of option values that only apps have.
 *
 * @module
 */

import { isSafeFieldValue } from "../http/headers.ts";
import { defineKind, text } from "../options/kinds.ts";
import type { Kind } from "../options/kinds.ts";

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+ *(;.*)?$/;

/** A media type, with parameters or without. */
export const mediaType: Kind<string> = defineKind({
  placeholder: "TYPE",
  allowed: 'a media type, as in "text/plain"',
  parse: (given) =>
    MEDIA_TYPE.test(given) && isSafeFieldValue(given) ? given : undefined,
});

/** The name of a character encoding, or "" for none. */
export const charset: Kind<string> = defineKind({
  placeholder: "CHARSET",
  allowed: 'a charset, as in "windows-1252", or nothing',
  parse: (given) => /^[\w.:+-]*$/.test(given) ? given : undefined,
});

/** The value of a header field. */
export const fieldText: Kind<string> = defineKind({
  placeholder: text.placeholder,
  allowed: "what can stand in a header field",
  parse: (given) => given !== "" && isSafeFieldValue(given) ? given : undefined,
});

/** A text; in code also a function of the scope that gives one. */
export function textOr<F extends (...given: never[]) => unknown>(): Kind<
  string | F
> {
  return defineKind<string | F>({
    placeholder: text.placeholder,
    allowed: "a text or, in code, a function",
    parse: text.parse,
    is: (value): value is F => typeof value === "function",
  });
}
