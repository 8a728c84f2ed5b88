/**
 * Chunked request bodies (RFC 9112, section 7.1).
 *
 * @module
 */

import {
  chunked,
  type Difference,
  NEXT,
  refused,
  served,
  type WireCase,
} from "./wire_case.ts";

const UNANSWERED: Difference = {
  rule: "a request that cannot be parsed SHOULD get 400",
  reason:
    "the engine reads what came with the head before it calls a handler," +
    " and drops the connection without an answer",
  risk: "none: it is closed; a client with a fault learns less of it",
};

const SPACE: Difference = {
  rule: "no space may stand around a chunk size",
  reason: "the engine's parser trims it, and shows the handler no chunks",
  risk: "none known: no reading of such a line gives another size",
};

/** A body that comes with its head, and is broken. */
function broken(title: string, chunks: string, rfc = "9112, 7.1"): WireCase {
  return {
    title,
    rfc,
    send: chunked(chunks) + NEXT,
    answers: "",
    connection: "closed",
    app: [],
    difference: UNANSWERED,
  };
}

/** The same, after its head, and after a first good chunk. */
function brokenLater(title: string, chunks: string, seen = ""): WireCase {
  return {
    title: `${title}, later`,
    rfc: "9112, 7.1",
    send: [chunked("2\r\nok\r\n"), chunks + NEXT],
    seenFirst: "POST / ok…",
    answers: "400",
    connection: "closed",
    app: [`POST / ok${seen}…`],
  };
}

const BROKEN:
  readonly (readonly [title: string, chunks: string, seen?: string])[] = [
    ["a size that is no number", "zz\r\nhello\r\n0\r\n\r\n"],
    ["an empty size", "\r\nhello\r\n0\r\n\r\n"],
    ["a size of an extension only", ";a\r\nhello\r\n0\r\n\r\n"],
    ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
    ["a size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"],
    ["a size with a space inside", "0 5\r\nhello\r\n0\r\n\r\n"],
    ["a size with a comma", "5,5\r\nhello\r\n0\r\n\r\n"],
    ["a size in other digits", "\xd9\xa5\r\nhello\r\n0\r\n\r\n"],
    ["a size with NUL", "5\0\r\nhello\r\n0\r\n\r\n"],
    ["a size after a tab", "\t5\r\nhello\r\n0\r\n\r\n"],
    ["a size of 64 bits and one", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
    ["a size of a hundred digits", `${"f".repeat(100)}\r\nhello\r\n0\r\n\r\n`],
    ["a size line that ends with LF", "5\nhello\r\n0\r\n\r\n"],
    ["a size line that ends with CR", "5\rhello\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
    ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
    ["NUL in an extension", "5;a\0\r\nhello\r\n0\r\n\r\n"],
    ["no CRLF after the data", "5\r\nhello0\r\n\r\n", "hello"],
    ["LF after the data", "5\r\nhello\n0\r\n\r\n", "hello"],
    ["CR after the data", "5\r\nhello\r0\r\n\r\n", "hello"],
    ["two bytes too many", "3\r\nhello\r\n0\r\n\r\n", "hel"],
    ["one byte too many", "4\r\nhello\r\n0\r\n\r\n", "hell"],
    ["a trailer without a colon", "0\r\nhello\r\n\r\n"],
    ["a trailer with a space before the colon", "0\r\nX : y\r\n\r\n"],
    ["a trailer without a name", "0\r\n: y\r\n\r\n"],
    ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
    ["NUL in a trailer", "0\r\nX: a\0\r\n\r\n"],
    ["a bare CR in a trailer", "0\r\nX: a\rb\r\n\r\n"],
    ["a bare LF in a trailer", "0\r\nX: a\nY: b\r\n\r\n"],
  ];

/** A body that is taken. */
function taken(
  title: string,
  chunks: string,
  body: string,
  difference?: Difference,
): WireCase {
  return served(
    title,
    "9112, 7.1",
    chunked(chunks) + NEXT,
    [`POST / ${body}`.trimEnd(), "GET /next"],
    { difference },
  );
}

/** The cases. */
export const CHUNKS: readonly WireCase[] = [
  taken("one chunk (PAGI.md 23)", "5\r\nhello\r\n0\r\n\r\n", "hello"),
  taken("several chunks", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"),
  taken("no chunks", "0\r\n\r\n", ""),
  taken(
    "sizes in both cases",
    `A\r\n${"a".repeat(10)}\r\na\r\n${"b".repeat(10)}\r\n0\r\n\r\n`,
    "a".repeat(10) + "b".repeat(10),
  ),
  taken("sizes with leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello"),
  taken("a chunk that looks like the end", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0"),
  taken("an extension", "5;a\r\nhello\r\n0;b\r\n\r\n", "hello"),
  taken(
    "extensions with values",
    '5;a=b;c="d;e"\r\nhello\r\n0\r\n\r\n',
    "hello",
  ),
  taken("space before an extension", "5 ; a\r\nhello\r\n0\r\n\r\n", "hello"),
  taken(
    "an extension of 4 KB",
    `5;${"a".repeat(4000)}\r\nhello\r\n0\r\n\r\n`,
    "hello",
  ),
  taken("a trailer", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", "hello"),
  taken(
    "trailers that a trailer may not be",
    `0\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\nHost: b\r\n\r\n`,
    "",
  ),
  taken("many trailers", `0\r\n${"X: y\r\n".repeat(500)}\r\n`, ""),
  taken("space after a size", "5 \r\nhello\r\n0\r\n\r\n", "hello", SPACE),
  taken("space before a size", " 5\r\nhello\r\n0\r\n\r\n", "hello", SPACE),
  served(
    "chunks that come byte by byte",
    "9112, 7.1",
    [chunked(""), ..."5;a\r\nhello\r\n2\r\n!!\r\n0\r\nX: y\r\n\r\n"],
    "POST / hello!!",
  ),
  ...BROKEN.map(([title, chunks]) => broken(title, chunks)),
  ...BROKEN.map((row) => brokenLater(...row)),
  refused(
    "an extension over 4 KiB",
    "9112, 7.1.1",
    chunked(`5;${"a".repeat(5000)}\r\nhello\r\n0\r\n\r\n`),
    "400",
    { app: ["POST /…"] },
  ),
];
