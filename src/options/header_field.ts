/**
 * Header fields as options.
 *
 * @module
 */

import { isSafeFieldValue, isToken } from "../http/headers.ts";
import { KindError } from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import { quote } from "./quote.ts";

/** A lower-case name and a value. */
export type HeaderField = readonly [name: string, value: string];

/** Framing, connection and handshake. */
const OWNED =
  /^(connection|content-length|date|keep-alive|proxy-connection|sec-websocket-.*|te|trailer|transfer-encoding|upgrade)$/;

/** `Name: value` of a response; a pair in code. */
export const headerField: Kind<HeaderField> = {
  placeholder: "FIELD",
  allowed: 'a header field, as in "Name: value"',
  parse(given) {
    const [name, value] = given.split(/:(.*)/s, 2);
    if (value === undefined) throw notAllowed(given);
    return headerField.accept([name, value]);
  },
  accept(given) {
    if (typeof given === "string") return headerField.parse(given);
    if (!Array.isArray(given)) throw notAllowed(given);
    const [name, value]: unknown[] = given;
    if (typeof name !== "string" || typeof value !== "string") {
      throw notAllowed(given);
    }
    const lower = name.toLowerCase();
    const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, "");
    if (!isToken(name) || !isSafeFieldValue(trimmed)) {
      throw notAllowed(`${name}: ${trimmed}`);
    }
    if (OWNED.test(lower)) {
      throw new KindError(
        `${quote(name)} is the server's own: it cannot be added to responses`,
      );
    }
    return [lower, trimmed];
  },
};

function notAllowed(given: unknown): KindError {
  return new KindError(`${quote(given)} is not ${headerField.allowed}`);
}
