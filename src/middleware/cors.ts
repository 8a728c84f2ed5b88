/**
 * Lets pages of other origins read an app's responses (CORS, the Fetch
 * standard, section 3.3), and sets header fields of all responses.
 */

import { explainBelow } from "../apps/explain.ts";
import { replyBare } from "../apps/reply.ts";
import { fieldValue, isToken } from "../http/headers.ts";
import { readAppOptions, type TableFor } from "../options/app_options.ts";
import {
  defineType,
  flag,
  type HeaderField,
  headerField,
  ValueError,
  type ValueType,
} from "../options/value_types.ts";
import type { HeaderList } from "../pagi/types.ts";
import {
  type ConnectionScope,
  defineMiddleware,
  isPreflight,
  type Middleware,
  withHeaders,
} from "./middleware.ts";

/** Options of {@linkcode cors}. */
export interface CorsOptions {
  /** True for every origin, without credentials; or the origins, with them. */
  readonly cors?: boolean | string | readonly string[];
}

const ORIGIN = /^(?:https?|[a-z][a-z0-9+.-]*-extension):\/\/[^/?#@*\s]+$/i;

/** `1`, or origins: `https://a.example,http://localhost:3000`. */
const origins: ValueType<boolean | string[]> = {
  ...defineType<boolean | string[]>({
    placeholder: "1|ORIGIN,…",
    allowed: "1, 0, or origins such as https://a.example, without a path",
    parse(given) {
      try {
        return flag.parse(given);
      } catch {
        const list = given.split(/[,\s]+/).filter(Boolean);
        return list.every((origin) => ORIGIN.test(origin))
          ? list.map((origin) =>
            URL.parse(origin)!.protocol.startsWith("http")
              ? new URL(origin).origin
              : origin.toLowerCase()
          )
          : undefined;
      }
    },
    is: (value): value is boolean => typeof value === "boolean",
  }),
  coerce: (value) =>
    origins.parse(Array.isArray(value) ? value.join(",") : String(value)),
};

/** The options as the command line has them. */
export const corsOptions = {
  cors: {
    type: origins,
    default: false,
    help:
      "let pages of other origins read responses: 1 for all, or the origins, which may then send passwords and cookies",
  },
} satisfies TableFor<CorsOptions>;

/** Seconds for which browsers cache a preflight; Chromium's maximum. */
const MAX_AGE = "7200";
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/** Fields of responses that a page needs for ranges, versions and downloads. */
const EXPOSED =
  "accept-ranges, content-disposition, content-encoding, content-length, content-range, date, etag, last-modified, location, retry-after";

/**
 * Answers CORS preflights itself and lets pages of the given origins read all
 * other responses. CORS fields of the app are replaced.
 *
 * @throws {OptionError} When an origin is malformed.
 */
export function cors(options: CorsOptions): Middleware {
  const { cors } = readAppOptions("cors", corsOptions, options);
  if (cors === false) return defineMiddleware("cors", () => ({}));
  const named = cors === true ? null : new Set(cors);

  /** The fields that let the page read a response; none for other origins. */
  const allowed = (scope: ConnectionScope): HeaderList => {
    if (named === null) return [["access-control-allow-origin", "*"]];
    const origin = fieldValue(scope.headers, "origin");
    return origin !== null && named.has(origin.toLowerCase())
      ? [
        ["access-control-allow-origin", origin],
        ["access-control-allow-credentials", "true"],
      ]
      : [];
  };

  return defineMiddleware("cors", (app) => ({
    async serve(scope, receive, send) {
      if (scope.type === "websocket") return await app(scope, receive, send);
      const fields = allowed(scope);
      if (isPreflight(scope)) {
        const headers = preflight(scope, fields, named !== null);
        return await replyBare(send, 204, headers);
      }
      const added: HeaderList = fields.length === 0
        ? fields
        : [...fields, ["access-control-expose-headers", EXPOSED]];
      await app(
        scope,
        receive,
        withHeaders(send, (headers) => [
          ...withVary(headers, named === null ? "" : "origin")
            .filter(([name]) => !/^access-control-/i.test(name)),
          ...added,
        ]),
      );
    },
    explain(scope) {
      const isAllowed = allowed(scope).length > 0;
      if (isPreflight(scope)) {
        const answer = isAllowed ? "allows" : "does not allow";
        return { lines: [`${answer} this origin: answers 204`], status: 204 };
      }
      const may = isAllowed ? "may" : "may not";
      const line = `a page of this origin ${may} read the answer`;
      return explainBelow(line, app, scope);
    },
  }));
}

function preflight(
  { headers }: ConnectionScope,
  fields: HeaderList,
  varies: boolean,
): HeaderList {
  const asked = fieldValue(headers, "access-control-request-headers") ?? "";
  const names = asked.split(",").map((name) => name.trim()).filter(isToken);
  const method = fieldValue(headers, "access-control-request-method") ?? "";
  const vary = [
    varies ? "origin, " : "",
    "access-control-request-method, access-control-request-headers",
  ].join("");
  if (fields.length === 0) return [["vary", vary]];
  const methods = isToken(method) && !METHODS.split(", ").includes(method)
    ? `${METHODS}, ${method}`
    : METHODS;
  return [
    ...fields,
    ["access-control-allow-methods", methods],
    ...(names.length === 0
      ? []
      : [["access-control-allow-headers", names.join(", ")]] as HeaderList),
    ["access-control-max-age", MAX_AGE],
    // https://wicg.github.io/private-network-access/
    ...(fieldValue(headers, "access-control-request-private-network") === "true"
      ? [["access-control-allow-private-network", "true"]] as HeaderList
      : []),
    ["vary", vary],
  ];
}

/** `headers` whose `vary` names `name` too. */
function withVary(headers: HeaderList, name: string): HeaderList {
  const before = fieldValue(headers, "vary");
  if (name === "" || before === "*") return headers;
  if (before === null) return [...headers, ["vary", name]];
  const others = headers.filter(([key]) => key.toLowerCase() !== "vary");
  return [...others, ["vary", `${before}, ${name}`]];
}

/** Options of {@linkcode responseHeaders}. */
export interface ResponseHeadersOptions {
  /** Fields of all responses, as `Name: value` or pairs. */
  readonly headers?:
    | string
    | readonly (string | readonly [name: string, value: string])[];
}

/** `Name: value`, several of them on lines of their own. */
const fields: ValueType<HeaderField[]> = {
  placeholder: "'NAME: VALUE'",
  allowed: headerField.allowed,
  parse: (given) =>
    given.split("\n").filter((line) => line.trim() !== "").map((line) =>
      headerField.parse(line)
    ),
  coerce(value) {
    if (typeof value === "string") return fields.parse(value);
    if (!Array.isArray(value)) throw new ValueError("headers is not a list");
    return value.map((item) => headerField.coerce(item));
  },
};

/** The options as the command line has them. */
export const headersOptions = {
  headers: {
    type: fields as ValueType<(string | readonly [string, string])[]>,
    default: [],
    help:
      "a header field of all responses, in place of the app's; repeatable (for the app Proxy, of requests)",
  },
} satisfies TableFor<ResponseHeadersOptions>;

/**
 * Sets header fields of all responses, in place of those that the app sends.
 *
 * @throws {OptionError} When a field is malformed, or reserved to the server.
 */
export function responseHeaders(options: ResponseHeadersOptions): Middleware {
  const given = readAppOptions("headers", headersOptions, options);
  const added = given.headers as unknown as HeaderField[];
  const names = new Set(added.map(([name]) => name));
  const set = (headers: HeaderList): HeaderList => [
    ...headers.filter(([name]) => !names.has(name.toLowerCase())),
    ...added.map(([name, value]) => [name, value] as [string, string]),
  ];
  return defineMiddleware("headers", (app) => ({
    serve: (scope, receive, send) =>
      app(scope, receive, withHeaders(send, set)),
    explain(scope) {
      const texts = added.map(([name, value]) => `${name}: ${value}`);
      return explainBelow(`sets ${texts.join("; ")}`, app, scope);
    },
  }));
}
