/**
 * How long a connection lasts, and what comes one after another on it
 * (RFC 9112, section 9; RFC 9110, sections 7.6.1, 7.8 and 10.1.1).
 *
 * @module
 */

import { readBody, reply, type ServeHttp } from "../../helpers/http_app.ts";
import { delay } from "../../helpers/wait.ts";
import {
  chunked,
  type Difference,
  head,
  NEXT,
  refused,
  served,
  type WireCase,
} from "./wire_case.ts";

/** Answers without reading the body. */
const unread: ServeHttp = (_scope, _receive, send) => reply(send, "done");

/** Answers after the first part of the body. */
const readInPart: ServeHttp = async (_scope, receive, send) => {
  await receive();
  await reply(send, "done");
};

/** Answers as soon as other things have had their turn. */
const late: ServeHttp = async (_scope, receive, send) => {
  const body = await readBody(receive);
  await delay(5);
  await reply(send, body);
};

/** Answers once the client has gone. */
const tooLate: ServeHttp = async (_scope, receive, send) => {
  while ((await receive()).type !== "http.disconnect");
  await reply(send, "too late");
};

/** Answers in pieces. */
const inPieces: ServeHttp = async (_scope, _receive, send) => {
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: "a", more: 1 });
  await send({ type: "http.response.body", body: "b" });
};

const SMUGGLED = head("GET /smuggled");

const CONTINUE_1_0: Difference = {
  rule: "100 Continue MUST NOT answer HTTP/1.0",
  reason: "the engine sends it before any handler is called",
  risk: "a client of HTTP/1.0 that asks for it takes the 100 for the answer",
};

const AT_ONCE: Difference = {
  rule: "100 Continue waits for the app to want the body (PAGI.md 3.3)",
  reason: "the engine sends it before any handler is called",
  risk: "a body that is refused may be sent for nothing",
};

const HALF_CLOSED: Difference = {
  rule: "a client that has ended its side may still read the answer",
  reason: "the engine takes the end of its input for the end of the connection",
  risk: "clients that close their side early, such as nc -N, get no answer " +
    "unless the app answers at once",
};

const KEPT_1_0: Difference = {
  rule: "a response of known length to HTTP/1.0 with keep-alive keeps the " +
    "connection (MAY)",
  reason: "the engine closes after a stream to HTTP/1.0, though it says " +
    "keep-alive",
  risk: "none: a client that sends another request sees the end, and connects",
};

/** A request of HTTP/1.0. */
function old(...fields: string[]): string {
  return ["GET / HTTP/1.0", "Host: a", ...fields, "", ""].join("\r\n");
}

function closing(title: string, send: string, wire = /^/): WireCase {
  return served(title, "9112, 9.3", send + SMUGGLED, "GET /", {
    connection: "closed",
    wire,
  });
}

const LASTING: readonly WireCase[] = [
  served("HTTP/1.1 keeps the connection", "9112, 9.3", head("GET /"), "GET /", {
    wire: /^(?![^]*\r\nconnection:)/i,
  }),
  served(
    "connection: keep-alive in HTTP/1.1",
    "9112, 9.3",
    head("GET /", "Connection: keep-alive"),
    "GET /",
  ),
  ...[
    "close",
    "Close",
    "CLOSE",
    "x, close",
    "close, x",
    "close,keep-alive",
    "keep-alive, close",
    "\tclose\t",
    ",,close,",
  ].map((value) =>
    closing(
      `connection: ${JSON.stringify(value)}`,
      head("GET /", `Connection: ${value}`),
      /^connection: close\r$/m,
    )
  ),
  closing(
    "close in a second connection field",
    head("GET /", "Connection: keep-alive", "Connection: close"),
    /^connection: close\r$/m,
  ),
  ...["closed", '"close"', "close;x", "not-close"].map((value) =>
    served(
      `connection: ${value} does not close`,
      "9112, 9.3",
      head("GET /", `Connection: ${value}`),
      "GET /",
    )
  ),
  closing("HTTP/1.0 closes", old(), /^HTTP\/1\.0 200 /),
  closing("HTTP/1.0 with close", old("Connection: close")),
  closing(
    "HTTP/1.0 with keep-alive and close",
    old("Connection: keep-alive, close"),
  ),
  served(
    "HTTP/1.0 with keep-alive",
    "9112, 9.3",
    old("Connection: Keep-Alive"),
    "GET /",
    { wire: /^connection: keep-alive\r$/m },
  ),
  served(
    "a stream to HTTP/1.0 has no chunks, and closes (PAGI.md 32)",
    "9112, 6.1",
    old("Connection: keep-alive") + SMUGGLED,
    "GET /",
    {
      serve: inPieces,
      connection: "closed",
      answers: "200",
      wire: /\r\n\r\nab$/,
    },
  ),
  served(
    "a stream of known length to HTTP/1.0 with keep-alive",
    "9112, 9.3",
    old("Connection: keep-alive") + SMUGGLED,
    "GET /",
    {
      async serve(_scope, _receive, send) {
        const headers: [string, string][] = [["content-length", "2"]];
        await send({ type: "http.response.start", status: 200, headers });
        await send({ type: "http.response.body", body: "a", more: 1 });
        await send({ type: "http.response.body", body: "b" });
      },
      connection: "closed",
      difference: KEPT_1_0,
    },
  ),
  closing(
    "proxy-connection means nothing",
    old("Proxy-Connection: keep-alive"),
  ),
  closing(
    "keep-alive without connection means nothing",
    old("Keep-Alive: timeout=5"),
  ),
];

const PIPELINING: readonly WireCase[] = [
  served(
    "pipelined requests are answered in order (PAGI.md 33)",
    "9112, 9.3.2",
    head("GET /1") + head("GET /2") + head("GET /3"),
    ["GET /1", "GET /2", "GET /3"],
    {
      serve: (scope, _receive, send) => reply(send, scope.path),
      wire: /\/1HTTP[^]*\/2HTTP[^]*\/3$/,
    },
  ),
  served(
    "pipelined requests of a slow app",
    "9112, 9.3.2",
    head("GET /1") + head("GET /2") + head("GET /3"),
    ["GET /1", "GET /2", "GET /3"],
    { serve: late },
  ),
  served(
    "pipelined requests with bodies (PAGI.md 33)",
    "9112, 9.3.2",
    head("POST /1", "Content-Length: 3") + "one" +
      chunked("3\r\ntwo\r\n0\r\n\r\n") + head("GET /3"),
    ["POST /1 one", "POST / two", "GET /3"],
  ),
  served(
    "a request that comes with half of the next",
    "9112, 9.3.2",
    [head("GET /1") + "GET /2 HT", "TP/1.1\r\nHost: a\r\n\r\n"],
    ["GET /1", "GET /2"],
  ),
  served(
    "a request behind a body that came in pieces",
    "9112, 9.3.2",
    [head("POST /1", "Content-Length: 4") + "on", "e!" + NEXT],
    ["POST /1 one!", "GET /next"],
  ),
  served(
    "an unread body that has come is skipped (PAGI.md 34)",
    "9112, 9.3",
    head("POST /", `Content-Length: ${SMUGGLED.length}`) + SMUGGLED + NEXT,
    ["POST /", "GET /next"],
    { serve: unread },
  ),
  served(
    "an unread chunked body that has come is skipped (PAGI.md 34)",
    "9112, 9.3",
    chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`) +
      NEXT,
    ["POST /", "GET /next"],
    { serve: unread },
  ),
  served(
    "an unread body that has yet to come ends the connection (PAGI.md 34)",
    "9112, 9.3",
    [
      head("POST /", `Content-Length: ${SMUGGLED.length}`),
      SMUGGLED + SMUGGLED,
    ],
    ["POST /"],
    {
      seenFirst: "POST /",
      serve: unread,
      connection: "closed",
      wire: /^connection: close\r$/m,
    },
  ),
  served(
    "a body that was read in part is skipped (PAGI.md 34)",
    "9112, 9.3",
    [
      head("POST /", `Content-Length: ${SMUGGLED.length + 1}`) + "x",
      SMUGGLED + NEXT,
    ],
    ["POST / x…", "GET /next"],
    { seenFirst: "POST / x…", serve: readInPart },
  ),
  refused(
    "a bad request behind good ones",
    "9112, 9.3.2",
    head("GET /1") + head("GET /2") + "BAD\r\n\r\n" + SMUGGLED,
    "200 200 400",
    { app: ["GET /1", "GET /2"] },
  ),
  refused(
    "a refused request behind a good one",
    "9112, 9.3.2",
    head("GET /1") + head("CONNECT a:80") + SMUGGLED,
    "200 405",
    { app: ["GET /1"] },
  ),
  refused(
    "a request without host behind a good one",
    "9112, 9.3.2",
    head("GET /1") + "GET / HTTP/1.1\r\n\r\n" + SMUGGLED,
    "200 400",
    { app: ["GET /1"] },
  ),
  served(
    "an app that fails ends the connection (PAGI.md 45)",
    "9112, 9.6",
    head("GET /") + NEXT,
    ["GET /"],
    {
      serve: () => Promise.reject(new Error("no")),
      answers: "500",
      connection: "closed",
      wire: /^connection: close\r$/m,
    },
  ),
];

const EXPECTING: readonly WireCase[] = [
  served(
    "100 Continue, then the answer (PAGI.md 35, exception)",
    "9110, 10.1.1",
    [head("POST /", "Content-Length: 2", "Expect: 100-continue"), "ok"],
    "POST / ok",
    { answers: "100 200", difference: AT_ONCE },
  ),
  served(
    "the expectation in capitals",
    "9110, 10.1.1",
    [head("POST /", "Content-Length: 2", "Expect: 100-CONTINUE"), "ok"],
    "POST / ok",
    { answers: "100 200" },
  ),
  served(
    "an expectation of a chunked body",
    "9110, 10.1.1",
    [
      head("POST /", "Transfer-Encoding: chunked", "Expect: 100-continue"),
      "2\r\nok\r\n0\r\n\r\n",
    ],
    "POST / ok",
    { answers: "100 200" },
  ),
  served(
    "no 100 for a request without a body",
    "9110, 10.1.1",
    head("GET /", "Expect: 100-continue"),
    "GET /",
  ),
  served(
    "no 100 for an empty body",
    "9110, 10.1.1",
    head("POST /", "Content-Length: 0", "Expect: 100-continue"),
    "POST /",
  ),
  refused(
    "a body too large is refused all the same",
    "9110, 10.1.1",
    head("POST /", "Content-Length: 99999999", "Expect: 100-continue"),
    "100 413",
    { difference: AT_ONCE },
  ),
  served(
    "an unknown expectation is ignored (417 is a MAY)",
    "9110, 10.1.1",
    head("POST /", "Content-Length: 2", "Expect: tea") + "ok",
    "POST / ok",
  ),
  served(
    "an expectation in HTTP/1.0",
    "9110, 10.1.1",
    "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n" +
      "Expect: 100-continue\r\n\r\nok",
    "POST / ok",
    {
      answers: "100 200",
      connection: "closed",
      difference: CONTINUE_1_0,
    },
  ),
];

const UPGRADING: readonly WireCase[] = [
  ...["h2c", "h2c, websocket", "TLS/1.0", "x", ""].map((protocol) =>
    served(
      `an upgrade to ${JSON.stringify(protocol)} is ignored`,
      "9110, 7.8",
      head(
        "GET /",
        "Connection: Upgrade, HTTP2-Settings",
        `Upgrade: ${protocol}`,
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
      ) + NEXT,
      ["GET /", "GET /next"],
    )
  ),
  served(
    "an upgrade that connection does not name",
    "9110, 7.8",
    head("GET /", "Upgrade: h2c") + NEXT,
    ["GET /", "GET /next"],
  ),
  refused(
    "an unknown version of WebSocket",
    "9110, 15.5.22",
    head(
      "GET /",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "Sec-WebSocket-Version: 8",
    ) + NEXT,
    "426",
    { wire: /^connection:.*\bupgrade\b/mi },
  ),
];

const ENDINGS: readonly WireCase[] = [
  ...([
    ["at once", ""],
    ["in the request line", "GET / HT"],
    ["in the header fields", "GET / HTTP/1.1\r\nHost: a\r\nX"],
    ["before the empty line", "GET / HTTP/1.1\r\nHost: a\r\n"],
    ["in the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r"],
  ] as const).flatMap(([where, send]) =>
    (["half-closes", "leaves"] as const).map((client): WireCase => ({
      title: `a client that ${client} ${where}`,
      rfc: "9112, 8",
      send,
      client,
      answers: "",
      connection: "closed",
      app: [],
    }))
  ),
  ...([
    ["before the body", head("POST /", "Content-Length: 5")],
    ["in the body", head("POST /", "Content-Length: 5") + "he"],
    ["before the first chunk", chunked("")],
    ["in a chunk size", chunked("5")],
    ["after a chunk size", chunked("5\r\n")],
    ["in a chunk", chunked("5\r\nhe")],
    ["after a chunk", chunked("5\r\nhello\r\n")],
    ["before the last CRLF", chunked("5\r\nhello\r\n0\r\n")],
    ["in the trailers", chunked("5\r\nhello\r\n0\r\nX: y")],
  ] as const).flatMap(([where, send]) =>
    (["half-closes", "leaves"] as const).map((client): WireCase => ({
      title: `a client that ${client} ${where}`,
      rfc: "9112, 8",
      send,
      client,
      answers: client === "leaves" ? "" : "400",
      connection: "closed",
      app: ["POST /…"],
    }))
  ),
  served(
    "a client that half-closes behind its request",
    "9112, 9.6",
    head("GET /"),
    "GET /…",
    {
      client: "half-closes",
      answers: "",
      connection: "closed",
      serve: tooLate,
      difference: HALF_CLOSED,
    },
  ),
];

/** The cases. */
export const CONNECTIONS: readonly WireCase[] = [
  ...LASTING,
  ...PIPELINING,
  ...EXPECTING,
  ...UPGRADING,
  ...ENDINGS,
];
