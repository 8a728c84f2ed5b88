/**
 * The app that sends clients elsewhere.
 *
 * @module
 */

import type { AppOptionTable } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { defineKind, flag } from "../options/kinds.ts";
import { OptionError } from "../options/option_error.ts";
import type { PagiApp } from "../pagi/types.ts";
import { textOr } from "./kinds.ts";
import { assertRequest, reply } from "./reply.ts";
import type { RequestScope } from "./reply.ts";

const NAME = "PAGI::App::Redirect";
const STATUSES = [301, 302, 303, 307, 308];

/** Finds the target for one request. */
export type LocationOf = (scope: RequestScope) => string | Promise<string>;

const table = {
  location: {
    kind: textOr<LocationOf>(),
    default: undefined,
    help: "where to; in code also a function of the scope (required)",
    aliases: ["to"],
    positional: true,
  },
  status: {
    kind: defineKind<number>({
      placeholder: STATUSES.join("|"),
      allowed: `one of ${STATUSES.join(", ")}`,
      words: STATUSES.map(String),
      parse: (given) => STATUSES.find((status) => String(status) === given),
      is: (value): value is number => STATUSES.includes(value as number),
    }),
    default: 302,
    help: "the status code",
  },
  preserve_query: {
    kind: flag,
    default: true,
    help: "append the query of the request",
  },
} satisfies AppOptionTable;

/**
 * Redirects every request (PAGI.md 7). Wrong options, and no `location`, throw
 * an `OptionError`.
 *
 * ```ts
 * new RedirectApp({ location: "https://example.com/", status: 301 }).toApp();
 * ```
 */
export class RedirectApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: Record<string, unknown> = {}) {
    const { location, status, preserve_query } = readAppOptions(
      NAME,
      table,
      options,
    );
    if (location === undefined || location === "") {
      throw new OptionError(
        `${NAME} needs the option location, as in location=https://example.com/`,
      );
    }
    this.#app = async (scope, _receive, send) => {
      assertRequest(scope, NAME);
      const given = typeof location === "function"
        ? await location(scope)
        : location;
      const target = encodeTarget(given);
      await reply(send, status, [
        ["content-type", "text/plain"],
        [
          "location",
          preserve_query ? withQuery(target, scope.query_string) : target,
        ],
      ], "");
    };
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default RedirectApp;

/**
 * Percent-encodes what cannot stand in a URI, so that neither CR and LF nor
 * non-ASCII characters reach the header field.
 */
function encodeTarget(location: string): string {
  return location.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

/** Appends `query` (one byte per code unit) before any fragment. */
function withQuery(location: string, query: string): string {
  if (query === "") return location;
  const encoded = query.replace(
    /[^\x21-\x7e]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  const hash = location.indexOf("#");
  const end = hash < 0 ? location.length : hash;
  const address = location.slice(0, end);
  const joint = !address.includes("?") ? "?" : /[?&]$/.test(address) ? "" : "&";
  return address + joint + encoded + location.slice(end);
}
