/** HTTP Basic authentication (RFC 7617). */

import { explainBelow } from "../apps/explain.ts";
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
  isPreflight,
  type Middleware,
  refuse,
} from "./middleware.ts";
import { PasswordChecker, type Verdict } from "./password_check.ts";
import { credentials, Users } from "./users.ts";

/** Options of {@linkcode auth}; `auth` or `authFile` is needed. */
export interface AuthOptions {
  /** Users and the hashes of their passwords, as `USER:HASH`. */
  readonly auth?: string | readonly string[];
  /** A file of users as htpasswd writes it, read again when it changes. */
  readonly authFile?: string;
  /** The realm, which browsers show when they ask for the password. */
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
    help: "the same with a file of htpasswd, read again when it changes",
  },
  auth_realm: {
    type: defineType({
      placeholder: "TEXT",
      allowed: "text of visible ASCII characters and spaces",
      parse: (given) => /^[\x20-\x7e]*$/.test(given) ? given : undefined,
    }),
    default: "pagi-server",
    help: "the realm, which browsers show when they ask for the password",
  },
  auth_for: {
    type: choice(["all", "write"]),
    default: "all",
    help: "ask for all requests, or only for those that may change something",
  },
} satisfies TableFor<AuthOptions>;

/** The methods that only read (RFC 9110, 9.2.1; RFC 4918; RFC 3253; RFC 5323). */
const READS: ReadonlySet<string> = new Set(
  "GET HEAD OPTIONS TRACE PROPFIND REPORT SEARCH QUERY".split(" "),
);
/** Fields of a preflight that are passed on without credentials. */
const PREFLIGHT_FIELD = /^(?:host|origin|access-control-request-.*)$/;

/** The credentials that an outer `auth` has removed from header fields. */
const passed = new WeakMap<HeaderList, string>();

/**
 * Passes on requests with the name and password of a user, who is then in
 * `scope["auth.user"]`; the field `authorization` is removed. Others are answered
 * with 401, and with 429 after many wrong passwords of a client. CORS preflights,
 * which have no credentials (Fetch standard, 4.8), are passed on without a body
 * and without fields that are not part of a preflight.
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
        } came without TLS, so others on the network can read it; use --ssl-cert and --ssl-key, or a proxy with TLS and --proxy-headers.`,
    );
  };

  return defineMiddleware("auth", (app) => ({
    async serve(scope, receive, send) {
      if (isOpen(scope)) return await app(scope, receive, send);
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
            : "auth: too many passwords are waiting to be verified; clients are told to retry.",
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
          : "Too many passwords are waiting to be verified. Try again in a moment.\n",
      );
    },
    async explain(scope) {
      if (isOpen(scope)) {
        const line = "auth_for=write: reading needs no password";
        return await explainBelow(line, app, scope);
      }
      if (isPreflight(scope)) {
        const line = "a CORS preflight needs no password";
        return await explainBelow(line, app, bare(scope));
      }
      const verdict = await verdictOf(scope);
      if (verdict !== null && "user" in verdict) {
        const line = `the password of user ${quote(verdict.user)} is right`;
        return await explainBelow(line, app, withUser(scope, verdict.user));
      }
      const line = verdict === null
        ? "a user and a password are needed, and none came: answers 401"
        : "the user or the password is wrong: answers 401";
      return { lines: [line], status: 401 };
    },
  }));
}

function clientOf({ client }: ConnectionScope): string {
  return client?.[0] ?? "";
}

/** The preflight without fields and a body for other purposes. */
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
