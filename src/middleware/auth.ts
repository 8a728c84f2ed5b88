/**
 * Asks for a user and a password (RFC 7617).
 *
 * @module
 */

import { explainApp, type Explanation } from "../apps/explain.ts";
import { fieldValue } from "../http/headers.ts";
import { log, logLimit } from "../log/log.ts";
import { readAppOptions, type TableFor } from "../options/app_options.ts";
import { OptionError, quote } from "../options/option_error.ts";
import { choice, defineType, path } from "../options/value_types.ts";
import type { HeaderList, Receive } from "../pagi/types.ts";
import { setUser } from "../pagi/user.ts";
import { isLoopback } from "../http/addresses.ts";
import {
  type ConnectionScope,
  defineMiddleware,
  type Middleware,
  refuse,
} from "./middleware.ts";
import { PasswordChecker, type Verdict } from "./password_check.ts";
import { credentials, Users } from "./users.ts";

/** Options of {@linkcode auth}; `auth` or `authFile` is needed. */
export interface AuthOptions {
  /** Users and the hashes of their passwords, as `USER:HASH`. */
  readonly auth?: string | readonly string[];
  /** A file of users as htpasswd writes it, read anew when it changes. */
  readonly authFile?: string;
  /** What browsers call the place that asks for a password. */
  readonly authRealm?: string;
  /** Ask for everything, or only for requests that may change something. */
  readonly authFor?: "all" | "write";
}

/** The options as the command line has them. */
export const authOptions = {
  auth: {
    type: credentials,
    default: [],
    help:
      "ask for a password; pagi-server --hash-password makes the hash, which ps shows to all users of this machine; repeatable",
  },
  auth_file: {
    type: path,
    default: null,
    help:
      "the same with a file as htpasswd writes it, read anew when it changes",
  },
  auth_realm: {
    type: defineType({
      placeholder: "TEXT",
      allowed: "text of visible ASCII characters and spaces",
      parse: (given) => /^[\x20-\x7e]*$/.test(given) ? given : undefined,
    }),
    default: "pagi-server",
    help: "what browsers call the place that asks for a password",
  },
  auth_for: {
    type: choice(["all", "write"]),
    default: "all",
    help: "ask for everything, or only for what may change something",
  },
} satisfies TableFor<AuthOptions>;

/** The methods that only read (RFC 9110, 9.2.1; RFC 4918; RFC 3253; RFC 5323). */
const READS: ReadonlySet<string> = new Set(
  "GET HEAD OPTIONS TRACE PROPFIND REPORT SEARCH QUERY".split(" "),
);
/** Fields of a preflight that the app gets without credentials. */
const PREFLIGHT_FIELD = /^(?:host|origin|access-control-request-.*)$/;

/** The credentials of requests that went through an outer one of these. */
const passed = new WeakMap<HeaderList, string>();

/**
 * Lets through what comes with the name and password of a user, whom the app
 * finds in `scope["auth.user"]`; `authorization` is taken out of the header
 * fields. All else gets 401, and a client with many wrong passwords 429. A CORS
 * preflight, which has no credentials, is let through without anything else of
 * it (Fetch standard, 4.8).
 *
 * ```ts
 * auth({ authFile: "/etc/pagi/users" })(new DirectoryApp({ root: "public" }));
 * ```
 *
 * @throws {OptionError} When an option or something in the file is wrong.
 */
export function auth(options: AuthOptions): Middleware {
  const given = readAppOptions("auth", authOptions, options);
  const users = new Users(given.auth, given.auth_file);
  if (given.auth.length === 0 && given.auth_file === null) {
    throw new OptionError("auth needs users: auth=USER:HASH or auth_file=FILE");
  }
  const checker = new PasswordChecker(users);
  const writes = given.auth_for === "write";
  const realm = given.auth_realm.replace(/["\\]/g, "\\$&");
  const challenge: HeaderList = [
    ["www-authenticate", `Basic realm="${realm}", charset="UTF-8"`],
    ["cache-control", "no-store"],
    ["content-type", "text/plain; charset=utf-8"],
  ];

  const isOpen = (scope: ConnectionScope): boolean =>
    writes && scope.type !== "websocket" && READS.has(scope.method);

  const verdictOf = (
    scope: ConnectionScope,
  ): Verdict | Promise<Verdict> | null => {
    const field = passed.get(scope.headers) ??
      fieldValue(scope.headers, "authorization");
    return field === null ? null : checker.check(field, clientOf(scope));
  };

  const warnOfPlainText = (scope: ConnectionScope): void => {
    const { scheme, client } = scope;
    if (scheme === "https" || scheme === "wss" || client === undefined) return;
    if (isLoopback(client[0])) return;
    logLimit(
      "warn",
      "plain",
      () =>
        `auth: a password from ${
          client[0]
        } came without TLS, so that others on the way can read it; --ssl-cert and --ssl-key encrypt, or a proxy with --proxy-headers.`,
    );
  };

  return defineMiddleware("auth", (app) => ({
    async serve(scope, receive, send) {
      if (scope.type === "lifespan" || isOpen(scope)) {
        return await app(scope, receive, send);
      }
      if (isPreflight(scope)) {
        return await app(bare(scope), withoutBody(receive), send);
      }
      const found = verdictOf(scope);
      if (found === null) {
        return await refuse(
          scope,
          send,
          401,
          challenge,
          "A user and a password are needed here.\n",
        );
      }
      warnOfPlainText(scope);
      const verdict = found instanceof Promise ? await found : found;
      if ("user" in verdict) {
        return await app(withUser(scope, verdict.user), receive, send);
      }
      const from = clientOf(scope) || "a Unix socket";
      if ("failed" in verdict) {
        if (verdict.failed !== null) {
          log.warn(
            `auth: a wrong password or an unknown user ${
              quote(verdict.failed.slice(0, 64))
            } from ${from}`,
          );
        }
        return await refuse(
          scope,
          send,
          401,
          challenge,
          "The user or the password is wrong.\n",
        );
      }
      const { status, seconds } = verdict;
      logLimit(
        "warn",
        String(status),
        () =>
          status === 429
            ? `auth: too many wrong passwords from ${from}; it has to wait ${seconds} s.`
            : "auth: too many passwords wait to be verified; clients are asked to come back.",
      );
      await refuse(
        scope,
        send,
        status,
        [
          ["retry-after", String(seconds)],
          ["cache-control", "no-store"],
          ["content-type", "text/plain; charset=utf-8"],
        ],
        status === 429
          ? `Too many wrong passwords came from your address. Try again in ${seconds} seconds.\n`
          : "Too many passwords wait to be verified. Try again in a moment.\n",
      );
    },
    async explain(scope): Promise<Explanation> {
      const inner = async (line: string, scope: ConnectionScope) => {
        const { lines, ...rest } = await explainApp(app, scope);
        return { ...rest, lines: [line, ...lines] };
      };
      if (isOpen(scope)) {
        return await inner("auth_for=write: reading needs no password", scope);
      }
      if (isPreflight(scope)) {
        return await inner("a CORS preflight needs no password", bare(scope));
      }
      const verdict = await verdictOf(scope);
      if (verdict !== null && "user" in verdict) {
        const line = `the password of user ${quote(verdict.user)} is right`;
        return await inner(line, withUser(scope, verdict.user));
      }
      const lines = [
        verdict === null
          ? "a user and a password are needed, and none came: answers 401"
          : "the user or the password is wrong: answers 401",
      ];
      return { lines, status: 401 };
    },
  }));
}

function clientOf({ client }: ConnectionScope): string {
  return client?.[0] ?? "";
}

/** True of what a browser asks before a request to another origin. */
function isPreflight(scope: ConnectionScope): boolean {
  return scope.type === "http" && scope.method === "OPTIONS" &&
    fieldValue(scope.headers, "origin") !== null &&
    fieldValue(scope.headers, "access-control-request-method") !== null;
}

/** Without all that could make an app take a preflight for something else. */
function bare(scope: ConnectionScope): ConnectionScope {
  const headers = scope.headers.filter(([name]) => PREFLIGHT_FIELD.test(name));
  return { ...scope, headers };
}

function withoutBody(receive: Receive): Receive {
  return async () => {
    for (;;) {
      const event = await receive();
      if (event.type !== "http.request") return event;
      if (!event.more) return { ...event, body: new Uint8Array() };
    }
  };
}

function withUser(scope: ConnectionScope, user: string): ConnectionScope {
  setUser(scope.headers, user);
  const field = fieldValue(scope.headers, "authorization") ??
    passed.get(scope.headers);
  const headers = scope.headers.filter(([name]) => name !== "authorization");
  if (field !== undefined) passed.set(headers, field);
  return { ...scope, headers, "auth.user": user };
}
