/**
 * Sharing with others for a while: a path that cannot be guessed, a time of
 * expiry, and a log line for each download.
 */

import { explainBelow } from "../apps/explain.ts";
import { fieldValue } from "../http/headers.ts";
import { encodeSegment } from "../http/target.ts";
import { log } from "../log/log.ts";
import { readAppOptions, type TableFor } from "../options/app_options.ts";
import { quote } from "../options/option_error.ts";
import { defineType, flag, type ValueType } from "../options/value_types.ts";
import type { HeaderList, PagiApp, Send } from "../pagi/types.ts";
import { type Timer, unref } from "../std/timer.ts";
import { isSameText } from "./password_hash.ts";
import {
  type ConnectionScope,
  defineMiddleware,
  type Middleware,
  refuse,
  withHeaders,
} from "./middleware.ts";

/** Options of {@linkcode sharing}. */
export interface SharingOptions {
  /** Serve below a path that cannot be guessed: true for a new one, or the path. */
  readonly randomPath?: boolean | string;
  /** When the share ends: a time such as `2h`, `30m`, `7d`, or a date. */
  readonly expires?: string;
  /** Log each download with its size and client. */
  readonly logDownloads?: boolean;
}

/** A new path of 128 random bits in base64url, without slashes. */
export function newPath(): string {
  return crypto.getRandomValues(new Uint8Array(16))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** `1` for a new path, or the path, of 16 characters at least. */
const randomPath: ValueType<boolean | string> = defineType<boolean | string>({
  placeholder: "0|1|PATH",
  allowed: "1, 0, or a path of 16 to 64 letters, digits, - and _",
  parse(given) {
    if (/^[\w-]{16,64}$/.test(given)) return given;
    try {
      return flag.parse(given);
    } catch {
      return undefined;
    }
  },
  is: (value): value is boolean => typeof value === "boolean",
});

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Parses a time such as `2h`, `1h30m` or `2026-12-24T18:00:00Z`.
 *
 * @returns milliseconds since 1970; undefined for other texts
 */
export function endOf(text: string, now = Date.now()): number | undefined {
  if (/^(?:\d+(?:\.\d+)?[smhd])+$/i.test(text)) {
    const parts = text.toLowerCase().matchAll(/([\d.]+)([smhd])/g);
    const ms = [...parts].reduce(
      (sum, [, count, unit]) =>
        sum + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS],
      0,
    );
    return ms <= 100 * 365 * UNIT_MS.d ? now + ms : undefined;
  }
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

const end: ValueType<string> = defineType({
  placeholder: "TIME",
  allowed: "a time such as 30m, 2h or 7d, or a date such as 2026-12-24T18:00",
  parse: (given) => endOf(given) === undefined ? undefined : given,
});

/** The options as the command line has them. */
export const sharingOptions = {
  random_path: {
    type: randomPath,
    default: false,
    help: "serve below a path that cannot be guessed, which the banner shows",
  },
  expires: {
    type: end,
    default: null,
    help: "end the share after a time (30m, 2h, 7d) or at a date",
  },
  log_downloads: {
    type: flag,
    default: false,
    help: "log each download with its size and client",
  },
} satisfies TableFor<SharingOptions>;

/**
 * Serves an app as a share. With a random path, requests outside it get 404, and
 * pages below it do not reveal their address to other sites. After the end every
 * request gets 410; running downloads finish, event streams and WebSockets are
 * closed.
 *
 * @throws {OptionError} When an option is wrong.
 */
export function sharing(options: SharingOptions): Middleware {
  const given = readAppOptions("sharing", sharingOptions, options);
  const { random_path, expires, log_downloads } = given;
  const path = random_path === true ? newPath() : random_path;
  const end = expires === null ? null : endOf(expires)!;
  if (end !== null && end <= Date.now()) {
    log.warn(
      `expires=${expires} is in the past, so every request is answered with 410.`,
    );
  }
  return (part) => {
    let app: PagiApp | null = null;
    const add = (middleware: Middleware) => app = middleware(app ?? part);
    if (log_downloads) add(downloadsLogged);
    if (end !== null) add(until(end));
    if (path !== false) add(below(`/${path}`));
    return app ?? defineMiddleware("sharing", () => ({}))(part);
  };
}

/** Serves the app below `prefix`. */
function below(prefix: string): Middleware {
  const inner = <S extends ConnectionScope>(scope: S): S => ({
    ...scope,
    path: scope.path.slice(prefix.length),
    root_path: scope.root_path + prefix,
  });
  // Not "no-referrer": with that, forms of the page itself have no origin.
  const policy = (headers: HeaderList): HeaderList => [
    ...headers.filter(([name]) => name.toLowerCase() !== "referrer-policy"),
    ["referrer-policy", "same-origin"],
  ];
  const isBelow = ({ path }: ConnectionScope) =>
    isSameText(path.slice(0, prefix.length), prefix) &&
    path[prefix.length] === "/";
  return defineMiddleware("random_path", (app) => ({
    async serve(scope, receive, send) {
      if (isBelow(scope)) {
        return await app(inner(scope), receive, withHeaders(send, policy));
      }
      const query = scope.query_string === "" ? "" : `?${scope.query_string}`;
      if (isSameText(scope.path, prefix)) {
        const mount = scope.root_path.split("/").map(encodeSegment).join("/");
        return await refuse(scope, send, 308, [
          ["location", `${mount}${prefix}/${query}`],
          ["referrer-policy", "same-origin"],
        ], "");
      }
      await refuse(
        scope,
        send,
        404,
        [["content-type", "text/plain"]],
        "Not Found",
      );
    },
    explain: (scope) =>
      isBelow(scope)
        ? explainBelow("below the random path", app, inner(scope))
        : { lines: ["not below the random path: answers 404"], status: 404 },
  }));
}

const ENDED = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>This share has ended</title>
<h1>This share has ended</h1>
<p>Ask the person who sent you the address for a new one.
`;

/** Longest delay of a timer (ms). */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Serves until a time, in milliseconds since 1970. */
function until(endsAt: number): Middleware {
  const when = new Date(endsAt).toISOString().replace(/\.\d+/, "");
  return defineMiddleware("expires", (app) => ({
    async serve(scope, receive, send) {
      const left = endsAt - Date.now();
      if (left <= 0) {
        return await refuse(scope, send, 410, [
          ["content-type", "text/html; charset=utf-8"],
          ["cache-control", "no-store"],
          ["content-security-policy", "default-src 'none'"],
        ], ENDED);
      }
      if (scope.type === "http") return await app(scope, receive, send);
      const timer = left > MAX_DELAY_MS ? undefined : closeAfter(
        left,
        scope.type,
        send,
      );
      try {
        await app(scope, receive, send);
      } finally {
        clearTimeout(timer);
      }
    },
    explain: (scope) =>
      endsAt <= Date.now()
        ? { lines: [`ended at ${when}: answers 410`], status: 410 }
        : explainBelow(`ends at ${when}`, app, scope),
  }));
}

/** Closes a stream that would outlive the share. */
function closeAfter(ms: number, type: "sse" | "websocket", send: Send): Timer {
  return unref(setTimeout(() => {
    const reason = "The share has ended.";
    send(
      type === "sse"
        ? { type: "sse.close", reason }
        : { type: "websocket.close", code: 1001, reason },
    ).catch(() => {}); // not open any more
  }, ms));
}

/** Logs each download. */
const downloadsLogged: Middleware = defineMiddleware(
  "log_downloads",
  (app) => ({
    async serve(scope, receive, send) {
      if (scope.type !== "http" || scope.method !== "GET") {
        return await app(scope, receive, send);
      }
      let what: string | null = null;
      await app(scope, receive, async (event) => {
        if (event.type === "http.response.start") {
          what = downloadOf(event.status, event.headers ?? []);
        }
        await send(event);
      });
      if (what === null) return;
      const { client, path, root_path, "pagi.connection": connection } = scope;
      const from = client?.[0] ?? "a Unix socket";
      const whole = root_path + path;
      const say = (how: string) =>
        log.info(`Download of ${quote(whole)}, ${what}, ${how} ${from}`);
      connection.onComplete(() => say("sent to"));
      connection.onDisconnect(() => say("broken off by"));
    },
  }),
);

/** What a response has of a file; null if it is not a download. */
function downloadOf(status: number, headers: HeaderList): string | null {
  const type = fieldValue(headers, "content-type") ?? "";
  const saved = fieldValue(headers, "content-disposition") !== null;
  if (status !== 200 && status !== 206) return null;
  if (!saved && /^text\/html|^application\/json/i.test(type)) return null;
  const range = fieldValue(headers, "content-range");
  if (range !== null) return range;
  const length = fieldValue(headers, "content-length");
  return length === null ? "of unknown size" : `${length} bytes`;
}
