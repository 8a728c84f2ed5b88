/**
 * Request lines (RFC 9112, sections 2.2, 2.3 and 3).
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

const UNSEEN = "the engine answers before any handler is called";

const VERSION: Difference = {
  rule: "505 for a major version that is not spoken (SHOULD); " +
    "HTTP/1.2 is served as HTTP/1.1 (SHOULD)",
  reason: UNSEEN,
  risk: "none: nobody sends these; the answer is 400 and the connection closes",
};

const LINE_FEED: Difference = {
  rule: "a recipient MAY take a single LF for the end of a line",
  reason: "the engine's parser takes it, and shows the handler no line ends",
  risk: "smuggling only behind a front end that takes a bare LF for data, " +
    "which RFC 9110, 5.5, forbids",
};

const EMPTY_LINES: Difference = {
  rule: "empty lines before the request line SHOULD be ignored, one at least",
  reason: UNSEEN,
  risk:
    "none: a client that sends two of them, and nothing else for a while, " +
    "gets 400",
};

/** The cases. */
export const REQUEST_LINE: readonly WireCase[] = [
  served("a plain request", "9112, 3", head("GET /"), "GET /"),
  served(
    "a request that comes byte by byte",
    "9112, 2.2",
    [...head("POST /", "Content-Length: 2") + "ok"],
    "POST / ok",
  ),
  served(
    "an empty line before the request line",
    "9112, 2.2",
    "\r\n" + head("GET /"),
    "GET /",
  ),
  served(
    "several empty lines before the request line",
    "9112, 2.2",
    "\r\n\r\n\r\n" + head("GET /"),
    "GET /",
  ),
  served(
    "an empty line that comes alone",
    "9112, 2.2",
    ["\r\n", head("GET /")],
    "GET /",
  ),
  refused(
    "two empty lines that come alone",
    "9112, 2.2",
    "\r\n\r\n",
    "400",
    { difference: EMPTY_LINES },
  ),
  served(
    "an empty line after a body",
    "9112, 2.2",
    head("POST /", "Content-Length: 2") + "ok\r\n" + NEXT,
    ["POST / ok", "GET /next"],
  ),
  served(
    "bare line feeds end lines",
    "9112, 2.2",
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET /",
    { difference: LINE_FEED },
  ),
  served(
    "a bare line feed among others",
    "9112, 2.2",
    "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "GET /",
    { difference: LINE_FEED },
  ),
  ...([
    ["a bare CR ends the line", "9112, 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n"],
    ["a bare CR in the target", "9112, 2.2", "GET /\r HTTP/1.1\r\nHost: a"],
    ["a CR before the CRLF", "9112, 2.2", "GET / HTTP/1.1\r\r\nHost: a"],
    ["NUL in the method", "9110, 5.6.2", "G\0T / HTTP/1.1\r\nHost: a"],
    ["NUL in the target", "9112, 3.2", "GET /\0 HTTP/1.1\r\nHost: a"],
    ["NUL before the method", "9112, 3", "\0GET / HTTP/1.1\r\nHost: a"],
    ["a control character in the target", "9112, 3.2", "GET /\x07 HTTP/1.1"],
    ["DEL in the target", "9112, 3.2", "GET /\x7f HTTP/1.1"],
    ["a method with a colon", "9110, 5.6.2", "GE:T / HTTP/1.1"],
    ["a method with brackets", "9110, 5.6.2", "G[E]T / HTTP/1.1"],
    ["a method with quotes", "9110, 5.6.2", '"GET" / HTTP/1.1'],
    ["a method with 8-bit bytes", "9110, 5.6.2", "G\xc9T / HTTP/1.1"],
    ["an empty method", "9112, 3.1", " / HTTP/1.1"],
    ["space before the method", "9112, 3", " GET / HTTP/1.1"],
    ["a tab before the method", "9112, 3", "\tGET / HTTP/1.1"],
    ["two spaces before the target", "9112, 3", "GET  / HTTP/1.1"],
    ["two spaces before the version", "9112, 3", "GET /  HTTP/1.1"],
    ["a space after the version", "9112, 3", "GET / HTTP/1.1 "],
    ["a tab before the target", "9112, 3", "GET\t/ HTTP/1.1"],
    ["a tab before the version", "9112, 3", "GET /\tHTTP/1.1"],
    ["a vertical tab before the target", "9112, 3", "GET\v/ HTTP/1.1"],
    ["a space in the target", "9112, 3.2", "GET /a b HTTP/1.1"],
    ["no target", "9112, 3.2", "GET HTTP/1.1"],
    ["no target but its spaces", "9112, 3.2", "GET  HTTP/1.1"],
    ["no version", "9112, 3", "GET /"],
    ["no version after a space", "9112, 3", "GET / "],
    ["a method alone", "9112, 3", "GET"],
    ["two versions", "9112, 3", "GET / HTTP/1.1 HTTP/1.1"],
    ["a version in lower case", "9112, 2.3", "GET / http/1.1"],
    ["a version with a space", "9112, 2.3", "GET / HTTP /1.1"],
    ["a version of three parts", "9112, 2.3", "GET / HTTP/1.1.1"],
    ["a version of one part", "9112, 2.3", "GET / HTTP/1"],
    ["a version with leading zeros", "9112, 2.3", "GET / HTTP/01.1"],
    ["a version of two digits", "9112, 2.3", "GET / HTTP/1.10"],
    ["another protocol", "9112, 2.3", "GET / ICY/1.1"],
    ["a status line", "9112, 2.1", "HTTP/1.1 200 OK"],
    ["a TLS handshake", "9112, 2.2", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03"],
    ["words", "9112, 2.2", "What is this?"],
  ].map(([title, rfc, line]) =>
    refused(
      title,
      rfc,
      line.includes("\r\nHost") || line.includes("\rHost")
        ? line + "\r\n\r\n" + NEXT
        : line + "\r\nHost: a\r\n\r\n" + NEXT,
    )
  )),
  ...["0.9", "1.2", "1.9", "2.0", "3.0", "9.9"].map((version) =>
    refused(
      `HTTP/${version}`,
      "9110, 2.5",
      `GET / HTTP/${version}\r\nHost: a\r\n\r\n`,
      "400",
      { difference: VERSION },
    )
  ),
  refused(
    "HTTP/3 without a minor version",
    "9112, 2.3",
    "GET / HTTP/3\r\nHost: a\r\n\r\n",
  ),
  served(
    "HTTP/1.0 is answered, and closed",
    "9112, 9.3",
    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    "GET /",
    {
      connection: "closed",
      wire: /^HTTP\/1\.0 200 /,
      difference: {
        rule: "a response carries the highest version that the server speaks" +
          " (SHOULD): HTTP/1.1",
        reason: "the engine writes the status line",
        risk: "none: clients of HTTP/1.0 know it",
      },
    },
  ),
  {
    ...served("a request line that never ends", "9112, 3", "GET /", []),
    client: "half-closes",
    connection: "closed",
  },
];
