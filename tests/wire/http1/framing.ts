/**
 * Where a request ends: content-length and transfer-encoding in every
 * combination and disguise (RFC 9112, section 6). Each doubtful request is
 * followed by what would be smuggled.
 *
 * @module
 */

import { reply } from "../../helpers/http_app.ts";
import { head, NEXT, refused, served, type WireCase } from "./wire_case.ts";

/** A body that is one request by one reading, and two by another. */
const TWOFOLD = "0\r\n\r\n" + NEXT;

const SMUGGLED = head("GET /smuggled");

function doubtful(
  title: string,
  rfc: string,
  fields: readonly string[],
  answers?: string,
): WireCase {
  return refused(title, rfc, head("POST /", ...fields) + TWOFOLD, answers);
}

/** The cases. */
export const FRAMING: readonly WireCase[] = [
  served(
    "content-length",
    "9112, 6.2",
    head("POST /", "Content-Length: 5") + "hello" + NEXT,
    ["POST / hello", "GET /next"],
  ),
  served(
    "a body that comes later, in pieces",
    "9112, 6.2",
    [head("POST /", "Content-Length: 5"), "he", "llo", NEXT],
    ["POST / hello", "GET /next"],
  ),
  served(
    "a GET may have a body",
    "9110, 9.3.1",
    head("GET /", `Content-Length: ${SMUGGLED.length}`) + SMUGGLED + NEXT,
    [`GET / ${SMUGGLED}`.trimEnd(), "GET /next"],
  ),
  served(
    "a GET may have a body that comes later",
    "9110, 9.3.1",
    [head("GET /", "Content-Length: 5"), "he", "llo" + NEXT],
    ["GET / hello", "GET /next"],
  ),
  served(
    "a GET may have a chunked body",
    "9110, 9.3.1",
    head("GET /", "Transfer-Encoding: chunked") + "5\r\nhello\r\n" + TWOFOLD,
    ["GET / hello", "GET /next"],
  ),
  served(
    "HEAD may have a body",
    "9110, 9.3.2",
    head("HEAD /", "Content-Length: 5") + "hello",
    "HEAD / hello",
  ),
  served(
    "the body of a GET that nobody reads is no request",
    "9110, 9.3.1",
    head("GET /", `Content-Length: ${SMUGGLED.length}`) + SMUGGLED + NEXT,
    ["GET /", "GET /next"],
    { serve: (_scope, _receive, send) => reply(send) },
  ),
  served(
    "content-length: 0",
    "9112, 6.2",
    head("POST /", "Content-Length: 0") + NEXT,
    ["POST /", "GET /next"],
  ),
  served(
    "neither length nor coding: no body",
    "9112, 6.3",
    head("POST /") + NEXT,
    ["POST /", "GET /next"],
  ),
  served(
    "a length with leading zeros",
    "9112, 6.2",
    head("POST /", "Content-Length: 0000000000000000000000005") + "hello" +
      NEXT,
    ["POST / hello", "GET /next"],
  ),
  served(
    "a length between spaces and tabs",
    "9110, 5.5",
    head("POST /", "Content-Length: \t 5 \t") + "hello" + NEXT,
    ["POST / hello", "GET /next"],
  ),
  ...([
    ["two equal lengths", ["Content-Length: 5", "Content-Length: 5"]],
    ["two different lengths", ["Content-Length: 5", "Content-Length: 6"]],
    ["a shorter length first", ["Content-Length: 0", "Content-Length: 44"]],
    ["two equal lengths in one list", ["Content-Length: 5, 5"]],
    ["different lengths in one list", ["Content-Length: 5, 6"]],
    ["a list of one length", ["Content-Length: 5,"]],
    ["a list that begins with a comma", ["Content-Length: ,5"]],
    ["a good length after a bad one", [
      "Content-Length: x",
      "Content-Length: 5",
    ]],
    ["a bad length after a good one", [
      "Content-Length: 5",
      "Content-Length: x",
    ]],
    ["an empty length", ["Content-Length:"]],
    ["a length of spaces", ["Content-Length:  \t "]],
    ["a length with a plus", ["Content-Length: +5"]],
    ["a negative length", ["Content-Length: -5"]],
    ["a length of minus zero", ["Content-Length: -0"]],
    ["a hexadecimal length", ["Content-Length: 0x5"]],
    ["a length in hexadecimal digits", ["Content-Length: a"]],
    ["a length with an underscore", ["Content-Length: 5_0"]],
    ["a length with a space inside", ["Content-Length: 5 0"]],
    ["a length with a point", ["Content-Length: 5.0"]],
    ["a length with an exponent", ["Content-Length: 5e0"]],
    ["a quoted length", ['Content-Length: "5"']],
    ["a length in bytes", ["Content-Length: 5 bytes"]],
    ["a length with a parameter", ["Content-Length: 5; a=b"]],
    ["a length in other digits (UTF-8)", ["Content-Length: \xd9\xa5"]],
    ["a length in superscript (ISO-8859-1)", ["Content-Length: \xb2"]],
    ["a length with a no-break space", ["Content-Length: \xa05"]],
    ["a length with NUL", ["Content-Length: 5\0"]],
    ["a length with a vertical tab", ["Content-Length: \v5"]],
    ["a length with a form feed", ["Content-Length: 5\f"]],
    ["a length beyond 64 bits", ["Content-Length: 18446744073709551616"]],
    ["a length of a hundred digits", [`Content-Length: ${"9".repeat(100)}`]],
    ["a space before the colon of a length", ["Content-Length : 5"]],
    ["a folded length", ["Content-Length:\r\n 5"]],
  ] as const).map(([title, fields]) => doubtful(title, "9112, 6.3", fields)),
  refused(
    "two lengths of 0",
    "9112, 6.3",
    head("POST /", "Content-Length: 0", "Content-Length: 0") + NEXT,
  ),
  ...["18446744073709551615", "9223372036854775807", "9007199254740993"].map(
    (length) =>
      refused(
        `a length of ${length}`,
        "9110, 8.6",
        head("POST /", `Content-Length: ${length}`) + "hello",
        "413",
      ),
  ),

  ...([
    ["chunked", "chunked"],
    ["chunked in capitals", "CHUNKED"],
    ["chunked in mixed case", "cHuNkEd"],
    ["chunked after a tab", "\tchunked"],
    ["chunked before spaces", "chunked \t "],
  ].map(([title, coding]) =>
    served(
      title,
      "9112, 6.1",
      head("POST /", `Transfer-Encoding: ${coding}`) + TWOFOLD,
      ["POST /", "GET /next"],
    )
  )),
  ...([
    ["gzip, chunked (PAGI.md 101)", ["Transfer-Encoding: gzip, chunked"]],
    [
      "gzip and chunked in two fields",
      ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
    ],
    ["an unknown coding before chunked", ["Transfer-Encoding: x, chunked"]],
    ["a coding with a parameter", ["Transfer-Encoding: x;a=b, chunked"]],
    ["a vertical tab's look-alike", [
      "Transfer-Encoding: \x85chunked, chunked",
    ]],
  ] as const).map(([title, fields]) =>
    doubtful(title, "9112, 6.1", fields, "501")
  ),
  ...([
    ["chunked twice", ["Transfer-Encoding: chunked, chunked"]],
    [
      "chunked in two fields",
      ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ],
    ["chunked not last", ["Transfer-Encoding: chunked, gzip"]],
    [
      "chunked not last, in two fields",
      ["Transfer-Encoding: chunked", "Transfer-Encoding: gzip"],
    ],
    ["no chunked at all", ["Transfer-Encoding: gzip"]],
    ["identity", ["Transfer-Encoding: identity"]],
    ["identity, chunked", ["Transfer-Encoding: identity, chunked"]],
    ["chunked, identity", ["Transfer-Encoding: chunked, identity"]],
    [
      "chunked and identity in two fields",
      ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    ],
    ["an empty coding", ["Transfer-Encoding:"]],
    ["a trailing comma", ["Transfer-Encoding: chunked,"]],
    ["a leading comma", ["Transfer-Encoding: ,chunked"]],
    ["quoted", ['Transfer-Encoding: "chunked"']],
    ["in single quotes", ["Transfer-Encoding: 'chunked'"]],
    ["chunked with a parameter", ["Transfer-Encoding: chunked;a=b"]],
    ["chunked with a semicolon", ["Transfer-Encoding: chunked;"]],
    ["chunk", ["Transfer-Encoding: chunk"]],
    ["xchunked", ["Transfer-Encoding: xchunked"]],
    ["chunkedx", ["Transfer-Encoding: chunkedx"]],
    ["two words", ["Transfer-Encoding: x chunked"]],
    ["chunked after a vertical tab", ["Transfer-Encoding: \vchunked"]],
    ["chunked after a form feed", ["Transfer-Encoding: \fchunked"]],
    ["chunked after NUL", ["Transfer-Encoding: \0chunked"]],
    ["chunked after DEL", ["Transfer-Encoding: \x7fchunked"]],
    ["chunked after a no-break space", ["Transfer-Encoding: \xa0chunked"]],
    ["chunked in look-alike letters", [
      "Transfer-Encoding: chun\xe2\x84\xaaed",
    ]],
    ["chunked after a bare CR", ["Transfer-Encoding: \rchunked"]],
    ["chunked on a folded line", ["Transfer-Encoding:\r\n chunked"]],
    ["chunked folded behind another", ["Transfer-Encoding: x,\r\n chunked"]],
    ["a space before the colon", ["Transfer-Encoding : chunked"]],
    ["a tab before the colon", ["Transfer-Encoding\t: chunked"]],
    ["a space before the name", [" Transfer-Encoding: chunked"]],
    ["NUL in the name", ["Transfer\0-Encoding: chunked"]],
    ["a fold in another field", ["X: y\r\n Transfer-Encoding: chunked"]],
    ["a bare CR in another field", ["X: y\rTransfer-Encoding: chunked"]],
  ] as const).map(([title, fields]) =>
    doubtful(`${title} (coding)`, "9112, 6.1", fields)
  ),
  ...["chunked", "gzip, chunked", "gzip", "identity", "x", ""].flatMap(
    (coding) => {
      const length = "Content-Length: 5";
      const transfer = `Transfer-Encoding: ${coding}`;
      const name = coding === "" ? "an empty coding" : coding;
      return [
        doubtful(`a length before ${name}`, "9112, 6.3", [length, transfer]),
        doubtful(`a length behind ${name}`, "9112, 6.3", [transfer, length]),
      ];
    },
  ),
  doubtful("a length and chunked (PAGI.md 99)", "9112, 6.3", [
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
  ]),
  doubtful("a length of 0 and chunked", "9112, 6.3", [
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
  ]),
  doubtful("a bad length and chunked", "9112, 6.3", [
    "Content-Length: x",
    "Transfer-Encoding: chunked",
  ]),
  doubtful("an empty length and chunked", "9112, 6.3", [
    "Content-Length:",
    "Transfer-Encoding: chunked",
  ]),
  ...["", "Connection: keep-alive\r\n"].map((field) =>
    refused(
      `chunked by HTTP/1.0${field && ", kept alive"}`,
      "9112, 6.1",
      "POST / HTTP/1.0\r\nHost: a\r\n" + field +
        "Transfer-Encoding: chunked\r\n\r\n" + TWOFOLD,
    )
  ),
  served(
    "names with underscores frame nothing",
    "9110, 5.1",
    head("POST /", "Transfer_Encoding: chunked", "Content_Length: 44") + NEXT,
    ["POST /", "GET /next"],
  ),
  served(
    "TE frames nothing",
    "9110, 10.1.4",
    head("POST /", "TE: chunked", "Connection: TE") + NEXT,
    ["POST /", "GET /next"],
  ),
  served(
    "a length that connection names stays one",
    "9110, 7.6.1",
    head("POST /", "Connection: content-length", "Content-Length: 5") +
      "hello" + NEXT,
    ["POST / hello", "GET /next"],
  ),
  doubtful("an upgrade with a length", "9110, 7.8", [
    "Connection: Upgrade",
    "Upgrade: x",
    "Content-Length: 5",
  ]),
  doubtful("an upgrade with chunks", "9110, 7.8", [
    "Connection: Upgrade",
    "Upgrade: x",
    "Transfer-Encoding: chunked",
  ]),
];
