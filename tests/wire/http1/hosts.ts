/**
 * Host, and the host of the target (RFC 9112, section 3.2; RFC 9110, 7.2).
 *
 * @module
 */

import { reply, type ServeHttp } from "../../helpers/http_app.ts";
import { head, NEXT, refused, served, type WireCase } from "./wire_case.ts";

/** Answers with the host as the app sees it. */
const showHosts: ServeHttp = (scope, _receive, send) =>
  reply(
    send,
    scope.headers.filter(([name]) => name === "host").map(([, value]) =>
      `<${value}>`
    ).join(""),
  );

function get(host: string): string {
  return `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** The cases. */
export const HOSTS: readonly WireCase[] = [
  ...[
    "a",
    "a.example",
    "A.Example",
    "a.example.",
    "a:80",
    "a:",
    "a_b",
    "a,b",
    "127.0.0.1",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:80",
    "xn--caf-dma.example:8080",
    "",
  ].map((host) =>
    served(
      `the host ${JSON.stringify(host)}`,
      "9112, 3.2",
      get(host),
      "GET /",
      {
        serve: showHosts,
        wire: new RegExp(`<${host.replace(/[.[\]]/g, "\\$&")}>$`),
      },
    )
  ),
  ...[
    "a b",
    "u@a",
    "u:p@a",
    "a/x",
    "a?x",
    "a#x",
    "a\\x",
    "http://a",
    "a:x",
    "a:-1",
    "a:99999",
    "a:80:80",
    "::1",
    "[::1",
    "::1]",
    "[::g]",
    "[a]",
    "[::1]x",
    "1.2.3.999",
    "a%",
    "a%00",
    "<a>",
    "a|b",
    "a\tb",
    "caf\xe9",
    "\xff",
    "a, b",
  ].map((host) =>
    refused(
      `the host ${JSON.stringify(host)}`,
      "9112, 3.2",
      get(host) + NEXT,
    )
  ),
  refused(
    "no host (PAGI.md 100)",
    "9112, 3.2",
    "GET / HTTP/1.1\r\n\r\n" + NEXT,
  ),
  refused(
    "no host with a body",
    "9112, 3.2",
    "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + NEXT,
  ),
  refused(
    "no host with an absolute target",
    "9112, 3.2",
    "GET http://a/ HTTP/1.1\r\n\r\n" + NEXT,
  ),
  refused(
    "no host in HTTP/1.0 (PAGI.md 100, exception)",
    "9112, 3.2",
    "GET / HTTP/1.0\r\n\r\n",
    "400",
    {
      difference: {
        rule: "HTTP/1.0 needs no host",
        reason: "the engine does not tell the version, and hides that the " +
          "host is missing",
        risk: "clients of HTTP/1.0 that send no host, such as old health " +
          "checks, are not served",
      },
    },
  ),
  refused("two equal hosts", "9112, 3.2", head("GET /", "Host: a") + NEXT),
  refused("two hosts", "9112, 3.2", head("GET /", "Host: b") + NEXT),
  refused("an empty host and another", "9112, 3.2", head("GET /", "Host:")),
  refused(
    "two hosts in HTTP/1.0",
    "9112, 3.2",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
  ),
  refused(
    "two hosts with an absolute target in HTTP/1.0",
    "9112, 3.2",
    "GET http://a/ HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
  ),
  ...([
    ["http://a/", "a"],
    ["http://b/", "b"],
    ["http://b:81/", "b:81"],
    ["http://[::1]:81/", "[::1]:81"],
    ["http://ab/", "ab"],
    ["HTTP://b/", "b"],
    ["http://b", "b"],
    ["http://b?q", "b"],
  ].map(([target, host]) =>
    served(
      `the target ${target} names the host`,
      "9112, 3.2.2",
      head(`GET ${target}`),
      target.includes("?") ? "GET /?q" : "GET /",
      {
        serve: showHosts,
        wire: new RegExp(`<${host.replace(/[.[\]]/g, "\\$&")}>$`),
      },
    )
  )),
  ...([
    ["a bad host beside a good target", "GET http://a/ HTTP/1.1\r\nHost: b c"],
    ["userinfo in the target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a"],
    ["a bad port in the target", "GET http://a:x/ HTTP/1.1\r\nHost: a"],
    ["a bad host in the target", "GET http://[a/ HTTP/1.1\r\nHost: a"],
    ["a target with no slashes", "GET http:a HTTP/1.1\r\nHost: a"],
    ["a target with one slash", "GET http:/a HTTP/1.1\r\nHost: a"],
  ].map(([title, text]) =>
    refused(title, "9112, 3.2.2", text + "\r\n\r\n" + NEXT)
  )),
  served(
    "an empty host in the target",
    "9110, 4.2.1",
    head("GET http:///x") + NEXT,
    ["GET /http:///x", "GET /next"],
    {
      difference: {
        rule: "an http URI with an empty host is invalid: 400",
        reason: "the engine takes it for a path, and gives the handler the " +
          "same as for GET /http:///x",
        risk: "none: the app sees a path that it does not have",
      },
    },
  ),
  ...["https://a/", "HTTPS://a/", "ftp://a/", "ws://a/"].map((target) =>
    refused(
      `the target ${target} over plain TCP`,
      "9110, 7.4",
      head(`GET ${target}`) + NEXT,
      "421",
    )
  ),
];
