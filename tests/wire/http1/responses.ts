/**
 * How responses are framed, whatever the app sends (RFC 9112, section 6;
 * RFC 9110, sections 6.4, 6.6.1, 8.6 and 15).
 *
 * @module
 */

import type { HeaderList, Send, SendEvent } from "../../../src/pagi/types.ts";
import { reply } from "../../helpers/http_app.ts";
import { head, NEXT, served, type WireCase } from "./wire_case.ts";

/** One way in which an app may send a response. */
interface Sent {
  readonly status?: number;
  readonly headers?: HeaderList;
  /** The body, in as many events. */
  readonly pieces: readonly string[];
}

async function sendPieces(send: Send, sent: Sent): Promise<void> {
  const { status = 200, headers, pieces } = sent;
  await send({ type: "http.response.start", status, headers });
  for (const [i, body] of pieces.entries()) {
    const more = i < pieces.length - 1;
    await send({ type: "http.response.body", body, more });
  }
}

/** The request is followed by another, which must be answered in its place. */
function framed(
  title: string,
  rfc: string,
  sent: Sent,
  wire: RegExp,
  method = "GET",
): WireCase {
  const status = String(sent.status ?? 200);
  return served(title, rfc, head(`${method} /`), `${method} /`, {
    serve: (_scope, _receive, send) => sendPieces(send, sent),
    answers: status,
    wire,
  });
}

/** A response that contradicts itself: the app has failed. */
function failed(title: string, sent: Sent): WireCase {
  return {
    ...framed(title, "9110, 8.6", sent, /\r\n\r\nInternal Server Error\n$/),
    answers: "500",
    connection: "closed",
  };
}

/** A head without these fields, and a body. */
function without(fields: string, body = ""): RegExp {
  return new RegExp(`^(?![^]*\\r\\n(${fields}):)[^]*\\r\\n\\r\\n${body}$`, "i");
}

/** What must be when the app tries to send this first. */
function rejecting(event: SendEvent): Partial<WireCase> {
  return {
    async serve(_scope, _receive, send) {
      const came = await send(event).then(() => "taken", () => "rejected");
      await reply(send, came);
    },
    wire: /^(?![^]*taken)HTTP\/1\.1 200 [^]*rejected/,
  };
}

function length(value: string): HeaderList {
  return [["content-length", value]];
}

const FRAMING = "transfer-encoding|content-length";

/** The cases. */
export const RESPONSES: readonly WireCase[] = [
  framed(
    "a body in one piece has its length (PAGI.md 28, exception)",
    "9112, 6.2",
    { pieces: ["hello"] },
    /\r\ncontent-length: 5\r\n[^]*hello$/,
  ),
  framed(
    "a body's length is in bytes, not characters",
    "9112, 6.2",
    { pieces: ["\u00e9"] },
    /^(?![^]*transfer-encoding)[^]*\r\ncontent-length: 2\r\n/,
  ),
  framed(
    "an empty body has its length",
    "9112, 6.2",
    { pieces: [""] },
    /\r\ncontent-length: 0\r\n/,
  ),
  framed(
    "a body in pieces is chunked (PAGI.md 28)",
    "9112, 7.1",
    { pieces: ["he", "llo"] },
    /\r\ntransfer-encoding: chunked\r\n[^]*hello$/,
  ),
  framed(
    "a body in pieces of known length is not chunked",
    "9112, 6.2",
    { pieces: ["he", "llo"], headers: length("5") },
    /^(?![^]*transfer-encoding)[^]*\r\ncontent-length: 5\r\n[^]*hello$/,
  ),
  framed(
    "empty pieces end no body",
    "9112, 7.1",
    { pieces: ["", "he", "", "llo", ""] },
    /hello$/,
  ),
  ...["0", "3", "10", "x", "-1", "5, 5", "0x5", ""].map((value) =>
    failed(`the length "${value}" of 5 bytes in one piece`, {
      pieces: ["hello"],
      headers: length(value),
    })
  ),
  {
    ...framed(
      "what goes beyond the length ends the connection",
      "9110, 8.6",
      { pieces: ["he", "llo, world"], headers: length("5") },
      /^$/,
    ),
    answers: "cut",
    connection: "closed",
  },
  {
    ...framed(
      "what stays below the length ends the connection",
      "9110, 8.6",
      { pieces: ["he", "l"], headers: length("5") },
      /^$/,
    ),
    answers: "cut",
    connection: "closed",
  },
  {
    ...served(
      "an app that fails in mid-body: no second status, no end (PAGI.md 46)",
      "9112, 8",
      head("GET /") + NEXT,
      "GET /",
    ),
    async serve(_scope, _receive, send) {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "he", more: 1 });
      throw new Error("no more");
    },
    answers: "cut",
    connection: "closed",
  },
  failed("a length that is no number, of a body in pieces", {
    pieces: ["he", "llo"],
    headers: length("x"),
  }),
  failed("two lengths of a body in pieces", {
    pieces: ["he", "llo"],
    headers: [["content-length", "5"], ["content-length", "5"]],
  }),
  ...["chunked", "gzip", "identity"].flatMap((coding) =>
    [["hello"], ["he", "llo"]].map((pieces) =>
      framed(
        `the app's transfer-encoding ${coding}, in ${pieces.length} pieces, is dropped (PAGI.md 29)`,
        "9112, 6.1",
        { pieces, headers: [["transfer-encoding", coding]] },
        pieces.length === 1
          ? without("transfer-encoding", "hello")
          : /\r\ntransfer-encoding: chunked\r\n[^]*hello$/,
      )
    )
  ),
  framed(
    "the app's connection is dropped",
    "9110, 7.6.1",
    {
      pieces: ["hello"],
      headers: [["Connection", "close, upgrade"], ["Keep-Alive", "timeout=5"]],
    },
    without("connection|keep-alive", "hello"),
  ),
  ...[204, 304].flatMap((status) =>
    [[""], ["hello"], ["he", "llo"]].map((pieces) =>
      framed(
        `${status} has no body, not of ${pieces.length} × ${
          pieces[0].length
        } bytes`,
        "9112, 6.3",
        { status, pieces },
        without(FRAMING),
      )
    )
  ),
  ...[[""], ["hello"], ["he", "llo"]].map((pieces): WireCase => ({
    ...framed(
      `205 has no body, not of ${pieces.length} × ${pieces[0].length} bytes`,
      "9110, 15.3.6",
      { status: 205, pieces },
      /\r\n\r\n$/,
    ),
    connection: "closed",
  })),
  framed(
    "204 has no length, whatever the app says",
    "9110, 8.6",
    { status: 204, pieces: [""], headers: length("5") },
    without(FRAMING),
  ),
  framed(
    "304 may have the length that 200 would have",
    "9110, 8.6",
    { status: 304, pieces: [""], headers: length("5") },
    /^HTTP\/1\.1 304 [^]*\r\n\r\n$/,
  ),
  ...([
    ["one piece", { pieces: ["hello"] }],
    ["pieces", { pieces: ["he", "llo"] }],
    ["pieces of known length", { pieces: ["he", "llo"], headers: length("5") }],
    ["nothing", { pieces: [""] }],
    ["a length only", { pieces: [""], headers: length("5") }],
    ["204", { status: 204, pieces: ["hello"] }],
    ["304", { status: 304, pieces: ["hello"], headers: length("5") }],
    ["404", { status: 404, pieces: ["hello"] }],
  ] as const).map(([title, sent]) =>
    framed(
      `HEAD of ${title} has no body (PAGI.md 31)`,
      "9110, 9.3.2",
      sent as Sent,
      /^HTTP\/1\.1 \d{3} [^]*\r\n\r\n$/,
      "HEAD",
    )
  ),
  ...([
    ["one piece", { pieces: ["hello"] }],
    ["a length", { pieces: [""], headers: length("5") }],
    ["pieces of known length", { pieces: ["he", "llo"], headers: length("5") }],
  ] as const).map(([title, sent]) =>
    framed(
      `HEAD of ${title} has the length of GET (PAGI.md 31)`,
      "9110, 8.6",
      sent as Sent,
      /\r\ncontent-length: 5\r\n/,
      "HEAD",
    )
  ),
  ...([["pieces", ["he", "llo"]], ["nothing", [""]]] as const).map((
    [title, pieces],
  ) =>
    framed(
      `HEAD of ${title} names no length that GET may not have (PAGI.md 31)`,
      "9110, 8.6",
      { pieces },
      without("content-length"),
      "HEAD",
    )
  ),
  framed(
    "date is there, once (PAGI.md 30)",
    "9110, 6.6.1",
    { pieces: ["hello"] },
    /^(?![^]*\r\ndate:[^]*\r\ndate:)[^]*\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/i,
  ),
  ...[["hello"], ["he", "llo"]].map((pieces) =>
    framed(
      `the app's date is kept, once, in ${pieces.length} pieces (PAGI.md 30)`,
      "9110, 6.6.1",
      { pieces, headers: [["Date", "Sun, 06 Nov 1994 08:49:37 GMT"]] },
      /^(?![^]*\r\ndate:[^]*\r\ndate:)[^]*\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n/i,
    )
  ),
  ...[100, 101, 103, 199, 600, 999, 0].map((status) =>
    served(
      `the status ${status} is no final one: send rejects`,
      "9110, 15.2",
      head("GET /") + NEXT,
      ["GET /", "GET /next"],
      rejecting({ type: "http.response.start", status }),
    )
  ),
  ...["a\rb", "a\nb", "a\r\nset-cookie: b", "a\0b", "a\x7f\x07"].map((value) =>
    served(
      `the header value ${
        JSON.stringify(value)
      } never splits a response (PAGI.md 8)`,
      "9110, 5.5",
      head("GET /") + NEXT,
      ["GET /", "GET /next"],
      rejecting({
        type: "http.response.start",
        status: 200,
        headers: [["x", value]],
      }),
    )
  ),
  ...["x y", "x:", "x\r\ny", "", "caf\xe9", "x(y)"].map((name) =>
    served(
      `the header name ${JSON.stringify(name)} makes send reject`,
      "9110, 5.1",
      head("GET /") + NEXT,
      ["GET /", "GET /next"],
      rejecting({
        type: "http.response.start",
        status: 200,
        headers: [[name, "a"]],
      }),
    )
  ),
];
