/**
 * Kinds of values for servers that stand behind a proxy.
 *
 * @module
 */

import { parseAddressRange } from "../http/address_range.ts";
import { defineKind } from "./kinds.ts";
import type { Kind } from "./kinds.ts";

/** Who may tell of clients: an address, a range, or who comes by Unix sockets. */
export const trustedProxy: Kind<string> = defineKind({
  placeholder: "PROXY",
  allowed: "an IP address, a range such as 10.0.0.0/8, or unix:",
  parse: (given) =>
    given === "unix:" || parseAddressRange(given) !== null ? given : undefined,
});

/** Two slashes or a backslash would make links lead to another host. */
const ROOT_PATH = /^(?:\/[^\p{Cc}/\\?#%]+)*\/?$/u;

/** The start of a path, without a slash at its end: "/" is "". */
export const rootPath: Kind<string> = defineKind({
  placeholder: "PATH",
  allowed: 'a path that starts with "/", as in /app, without "?", "#" and "%"',
  parse: (given) =>
    ROOT_PATH.test(given) ? given.replace(/\/$/, "") : undefined,
});
