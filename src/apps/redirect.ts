/** The app that sends clients elsewhere. */

import { fieldValue } from "../http/headers.ts";
import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { defineType, flag } from "../options/value_types.ts";
import { OptionError, quote } from "../options/option_error.ts";
import type { PagiApp } from "../pagi/types.ts";
import { explainable, explainByStart } from "./explain.ts";
import { assertRequest, reply, type RequestScope, textOr } from "./reply.ts";
import {
  encodeBytes,
  requestPath,
  requestQuery,
} from "./proxy/upstream_path.ts";

const NAME = "PAGI::App::Redirect";
const STATUSES = [301, 302, 303, 307, 308];

/** Returns the target for one request. */
export type LocationOf = (scope: RequestScope) => string | Promise<string>;

/** Options of {@linkcode RedirectApp}. */
export interface RedirectOptions {
  /**
   * Where to, perhaps with {host}, {path}, {query}, {uri}; in code also a
   * function of the scope (required).
   */
  readonly location?: string | LocationOf;
  /** The status code. */
  readonly status?: number;
  /** Append the path of the request, without the mount's prefix. */
  readonly preservePath?: boolean;
  /** Append the query of the request. */
  readonly preserveQuery?: boolean;
}

const table = {
  location: {
    type: textOr<LocationOf>(),
    default: undefined,
    help:
      "where to, perhaps with {host}, {path}, {query}, {uri}; in code also a function of the scope (required)",
    aliases: ["to"],
    positional: true,
  },
  status: {
    type: defineType<number>({
      placeholder: STATUSES.join("|"),
      allowed: `one of ${STATUSES.join(", ")}`,
      words: STATUSES.map(String),
      parse: (given) => STATUSES.find((status) => String(status) === given),
      is: (value): value is number => STATUSES.includes(value as number),
    }),
    default: 302,
    help: "the status code",
  },
  preserve_path: {
    type: flag,
    default: false,
    help: "append the path of the request, without the mount's prefix",
  },
  preserve_query: {
    type: flag,
    default: true,
    help: "append the query of the request",
  },
} satisfies TableFor<RedirectOptions>;

/**
 * Redirects every request (PAGI.md 7). Wrong options, and no `location`, throw
 * an `OptionError`.
 *
 * ```ts
 * new RedirectApp({ location: "https://example.com/", status: 301 }).toApp();
 * ```
 *
 * From HTTP to HTTPS, on the command line: `PAGI::App::Redirect
 * location=https://{host}{uri} status=308`.
 */
export class RedirectApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: RedirectOptions = {}) {
    const { location, status, preserve_path, preserve_query } = readAppOptions(
      NAME,
      table,
      options,
    );
    if (location === undefined || location === "") {
      throw new OptionError(
        `${NAME} needs the option location, as in location=https://example.com/`,
      );
    }
    if (typeof location === "string") assertPlaceholders(location);
    const app: PagiApp = async (scope, _receive, send) => {
      assertRequest(scope, NAME);
      const given = typeof location === "function"
        ? await location(scope)
        : fillIn(location, scope);
      const place = preserve_path ? withPath(given, requestPath(scope)) : given;
      const target = encodeTarget(place);
      await reply(send, status, [
        ["content-type", "text/plain"],
        [
          "location",
          preserve_query && !HAS_QUERY.test(String(location))
            ? withQuery(target, scope.query_string)
            : target,
        ],
      ], "");
    };
    this.#app = explainable(
      app,
      (scope) =>
        typeof location === "function"
          ? { lines: [`answers ${status}; code decides where to`], status }
          : explainByStart(app, scope),
    );
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default RedirectApp;

const PLACEHOLDER = /\{(\w+)\}/g;
const HAS_QUERY = /\{(?:query|uri)\}/;

/** Placeholders and their values. */
const PARTS: ReadonlyMap<string, (scope: RequestScope) => string> = new Map([
  ["host", (scope) => hostOf(scope).replace(/:\d*$/, "")],
  ["hostport", hostOf],
  ["path", requestPath],
  ["query", (scope) => requestQuery(scope)],
  [
    "uri",
    (scope) =>
      requestPath({ ...scope, path: scope.root_path + scope.path }) +
      requestQuery(scope),
  ],
]);

function hostOf({ headers, server }: RequestScope): string {
  return fieldValue(headers, "host") ?? server?.[0] ?? "localhost";
}

/** @throws {OptionError} When `location` has an unknown placeholder. */
function assertPlaceholders(location: string): void {
  for (const [whole, name] of location.matchAll(PLACEHOLDER)) {
    if (PARTS.has(name)) continue;
    throw new OptionError(
      `${NAME}, option location: ${quote(whole)} is not a placeholder; use ${
        [...PARTS.keys()].map((part) => `{${part}}`).join(", ")
      }`,
    );
  }
}

function fillIn(location: string, scope: RequestScope): string {
  const filled = location.replace(
    PLACEHOLDER,
    (_, name) => PARTS.get(name)!(scope),
  );
  return onSameHost(location, filled);
}

/** Appends `path` to the path of `location`. */
function withPath(location: string, path: string): string {
  if (path === "") return location;
  const end = location.search(/[?#]/);
  const head = end < 0 ? location : location.slice(0, end);
  const joined = head.replace(/\/$/, "") + path;
  return onSameHost(location, joined) + location.slice(head.length);
}

/** Prevents a result with `//`, which leads to a host that the client chose. */
function onSameHost(location: string, result: string): string {
  return /^[/\\]{2}/.test(location)
    ? result
    : result.replace(/^[/\\]{2,}/, "/");
}

/** Percent-encodes characters that a URI or a header field cannot contain. */
function encodeTarget(location: string): string {
  return location.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

/** Appends `query` (one byte per code unit) before any fragment. */
function withQuery(location: string, query: string): string {
  if (query === "") return location;
  const encoded = encodeBytes(query);
  const hash = location.indexOf("#");
  const end = hash < 0 ? location.length : hash;
  const address = location.slice(0, end);
  const joint = !address.includes("?") ? "?" : /[?&]$/.test(address) ? "" : "&";
  return address + joint + encoded + location.slice(end);
}
