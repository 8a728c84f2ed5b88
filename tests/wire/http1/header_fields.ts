/**
 * Header fields of requests (RFC 9112, section 5; RFC 9110, section 5).
 *
 * @module
 */

import { reply } from "../../helpers/http_app.ts";
import type { ServeHttp } from "../../helpers/http_app.ts";
import { head, NEXT, refused, served, type WireCase } from "./wire_case.ts";

/** Answers with the header fields as the app sees them. */
const showFields: ServeHttp = (scope, _receive, send) =>
  reply(
    send,
    Uint8Array.from(
      scope.headers.map(([name, value]) => `<${name}:${value}>`).join(""),
      (unit) => unit.charCodeAt(0),
    ),
  );

/** A field, and how it must arrive. */
function arrives(title: string, field: string, seen: RegExp): WireCase {
  return served(title, "9110, 5.5", head("GET /", field), "GET /", {
    serve: showFields,
    wire: seen,
  });
}

/** The cases. */
export const HEADER_FIELDS: readonly WireCase[] = [
  ...([
    ["a space before the colon", "9112, 5.1", "X : a"],
    ["a tab before the colon", "9112, 5.1", "X\t: a"],
    ["a space in a name", "9110, 5.1", "X Y: a"],
    ["no name", "9110, 5.1", ": a"],
    ["no colon", "9112, 5", "X"],
    ["a name with brackets", "9110, 5.6.2", "X[]: a"],
    ["a name with a slash", "9110, 5.6.2", "X/Y: a"],
    ["a name with a quote", "9110, 5.6.2", '"X": a'],
    ["a name with NUL", "9110, 5.6.2", "X\0: a"],
    ["a name with 8-bit bytes", "9110, 5.6.2", "X\xe9: a"],
    ["NUL in a value", "9110, 5.5", "X: a\0b"],
    ["a control character in a value", "9110, 5.5", "X: a\x07b"],
    ["a vertical tab in a value", "9110, 5.5", "X: a\vb"],
    ["DEL in a value", "9110, 5.5", "X: a\x7fb"],
    ["a bare CR in a value", "9112, 2.2", "X: a\rb"],
    ["a CR before the CRLF", "9112, 2.2", "X: a\r"],
    ["a bare CR instead of a CRLF", "9112, 2.2", "X: a\rContent-Length: 5"],
    ["an obsolete line fold", "9112, 5.2", "X: a\r\n b"],
    ["an obsolete line fold with a tab", "9112, 5.2", "X: a\r\n\tb"],
    ["a fold that hides a field", "9112, 5.2", "X: a\r\n Content-Length: 5"],
    ["a line of a space only", "9112, 5.2", " "],
  ].map(([title, rfc, field]) =>
    refused(title, rfc, head("GET /", field) + NEXT)
  )),
  refused(
    "space before the first field",
    "9112, 2.2",
    "GET / HTTP/1.1\r\n Host: a\r\n\r\n" + NEXT,
  ),
  refused(
    "a tab before the first field",
    "9112, 2.2",
    "GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n" + NEXT,
  ),
  arrives("an empty value", "X:", /<x:>/),
  arrives("no space after the colon", "X:a", /<x:a>/),
  arrives("space around a value is no part of it", "X: \t a b \t", /<x:a b>/),
  arrives("a value with a colon", "X: a:b", /<x:a:b>/),
  arrives("8-bit bytes in a value", "X: caf\xe9 \xff", /<x:caf\xe9 \xff>/),
  arrives("a tab in a value", "X: a\tb", /<x:a\tb>/),
  arrives(
    "all characters that a name may have",
    "!#$%&'*+-.^_`|~09aZ: b",
    /<!#\$%&'\*\+-\.\^_`\|~09az:b>/,
  ),
  arrives(
    "duplicates in their order (PAGI.md 16)",
    "X: 1\r\nY: 2\r\nx: 3",
    /<x:1><y:2><x:3>/,
  ),
  served(
    "names in any case",
    "9110, 5.1",
    head("POST /", "CONTENT-LENGTH: 2") + "ok",
    "POST / ok",
  ),
];
