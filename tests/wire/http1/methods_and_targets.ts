/**
 * Methods and targets (RFC 9110, section 9; RFC 9112, section 3.2).
 *
 * @module
 */

import {
  type Difference,
  head,
  NEXT,
  refused,
  served,
  type WireCase,
} from "./wire_case.ts";

const LENIENT: Difference = {
  rule: "a target with characters that no URI has SHOULD get 400",
  reason: "by choice: browsers send |, [ and ] in paths, and more in queries",
  risk: "none: apps get the bytes as they came",
};

const ASTERISK: Difference = {
  rule: "OPTIONS * asks about the server, not about a path",
  reason: "the engine gives the handler the path /*",
  risk: "an app cannot tell it from OPTIONS /*",
};

/** The cases. */
export const METHODS_AND_TARGETS: readonly WireCase[] = [
  ...["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
    .map((method) =>
      served(`the method ${method}`, "9110, 9", head(`${method} /`) + NEXT, [
        `${method} /`,
        "GET /next",
      ])
    ),
  served("the method HEAD", "9110, 9.3.2", head("HEAD /"), "HEAD /"),
  served(
    "a method with all characters that it may have",
    "9110, 9.1",
    head("!#$%&'*+-.^_`|~09AZ /"),
    "!#$%&'*+-.^_`|~09AZ /",
  ),
  served(
    "a method of a thousand letters",
    "9110, 9.1",
    head(`${"A".repeat(1000)} /`),
    `${"A".repeat(1000)} /`,
  ),
  ...["get", "Post", "delete", "oPTIONS", "trace", "propfind"].map((method) =>
    served(
      `the method ${method}, which is no other in upper case`,
      "9110, 9.1",
      head(`${method} /`) + NEXT,
      [`${method} /`, "GET /next"],
    )
  ),
  served(
    "head is not HEAD: its answer has a body",
    "9110, 9.1",
    head("head /") + NEXT,
    ["head /", "GET /next"],
  ),
  refused(
    "CONNECT",
    "9110, 9.3.6",
    head("CONNECT a:80") + NEXT,
    "405",
    { wire: /^allow: ?\r$/m },
  ),
  refused("CONNECT without a port", "9110, 9.3.6", head("CONNECT a"), "405"),
  refused("CONNECT with a path", "9112, 3.2.3", head("CONNECT /") + NEXT),
  refused("CONNECT with a URL", "9112, 3.2.3", head("CONNECT http://a/")),
  refused(
    "connect in lower case",
    "9112, 3.2.3",
    head("connect a:80") + NEXT,
  ),
  served(
    "TRACE is the app's, which sees no body",
    "9110, 9.3.8",
    head("TRACE /"),
    "TRACE /",
  ),
  served("OPTIONS *", "9112, 3.2.4", head("OPTIONS *"), "OPTIONS /*", {
    difference: ASTERISK,
  }),
  refused("GET *", "9112, 3.2.4", head("GET *") + NEXT),
  ...[
    "/",
    "//",
    "//a/b",
    "/a//b",
    "/a/../b",
    "/a/./b",
    "/%2e%2e/b",
    "/a%2Fb",
    "/a%00b",
    "/a%",
    "/a%zz",
    "/a;b=c",
    "/a:80",
    "/a@b",
    "/http://b/",
    "/?",
    "/??a?b",
    "/a?b=c&d=/../e",
    "/!$&'()*+,;=:@-._~",
  ].map((target) =>
    served(
      `the target ${target} as it is`,
      "9112, 3.2.1",
      head(`GET ${target}`) + NEXT,
      [`GET ${target === "/?" ? "/" : target}`, "GET /next"],
    )
  ),
  ...['/"', "/<a>", "/a\\b", "/a^b", "/a`b", "/{a|b}", "/[a]", "/caf\xc3\xa9"]
    .map((target) =>
      served(
        `the target ${JSON.stringify(target)} as it is`,
        "9112, 3.2",
        head(`GET ${target}`),
        `GET ${target}`,
        { difference: LENIENT },
      )
    ),
  ...([
    ["a path without a slash", "a"],
    ["a relative path", "../a"],
    ["a query alone", "?a"],
    ["a fragment alone", "#a"],
    ["a fragment", "/a#b"],
    ["a fragment in the query", "/a?b#c"],
    ["a fragment in an absolute target", "http://a/#b"],
    ["a fragment right after the host", "http://a#b"],
    ["an authority without CONNECT", "a:80"],
    ["a scheme without slashes", "mailto:a"],
    ["bytes that are no UTF-8", "/caf\xe9"],
    ["overlong UTF-8", "/\xc0\xaf"],
    ["half a UTF-8 letter", "/\xc3"],
    ["a C1 control byte", "/\x85"],
  ].map(([title, target]) =>
    refused(title, "9112, 3.2", head(`GET ${target}`) + NEXT)
  )),
];
