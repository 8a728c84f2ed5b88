/**
 * Pseudo-header fields and header fields, good and malformed (RFC 9113,
 * sections 8.2 and 8.3).
 *
 * @module
 */

import { get } from "../../helpers/http2_frames.ts";
import {
  BROKEN,
  HOST,
  MALFORMED,
  request,
  type RequestCase,
} from "./request_case.ts";

/** The rows. */
export const HEADER_FIELDS: readonly RequestCase[] = [
  {
    title: "pseudo-header fields become the scope, :authority the host",
    rfc: "8.3.1",
    fields: get("/a%20b?c=d?e", [["x-one", "1"], ["x-one", "2"]]),
    outcome: "200",
    app: `GET /a%20b c=d?e ${HOST}, x-one: 1, x-one: 2`,
  },
  {
    title: "several cookie fields become one (PAGI.md 17)",
    rfc: "8.2.3",
    fields: get("/", [["cookie", "a=1"], ["x-one", "1"], ["cookie", "b=2"]]),
    outcome: "200",
    app: `GET / - ${HOST}, x-one: 1, cookie: a=1; b=2`,
  },
  {
    title: "te: trailers is no connection field",
    rfc: "8.2.2",
    fields: get("/", [["te", "trailers"]]),
    outcome: "200",
    app: `GET / - ${HOST}, te: trailers`,
  },
  {
    title: "dot segments and empty segments stay",
    rfc: "8.3.1",
    fields: get("//a/../b"),
    outcome: "200",
    app: `GET //a/../b - ${HOST}`,
  },
  {
    title: "a path in UTF-8 arrives as its bytes",
    rfc: "8.3.1",
    fields: get("/\xc3\xa9"),
    outcome: "200",
    app: `GET /\xc3\xa9 - ${HOST}`,
  },
  {
    title: "a value of bytes above 127 arrives as its bytes",
    rfc: "8.2.1",
    fields: get("/", [["x-one", "\xff"]]),
    outcome: "200",
    app: `GET / - ${HOST}, x-one: \xff`,
  },

  // Pseudo-header fields.
  {
    title: "no :method",
    rfc: "8.3.1",
    fields: request({ ":method": null }),
    outcome: MALFORMED,
  },
  {
    title: "no :scheme",
    rfc: "8.3.1",
    fields: request({ ":scheme": null }),
    outcome: MALFORMED,
  },
  {
    title: "no :path",
    rfc: "8.3.1",
    fields: request({ ":path": null }),
    outcome: MALFORMED,
  },
  {
    title: ":method twice",
    rfc: "8.3",
    fields: [[":method", "GET"], ...get("/")],
    outcome: MALFORMED,
  },
  {
    title: ":path twice",
    rfc: "8.3",
    fields: [[":path", "/"], ...get("/")],
    outcome: MALFORMED,
  },
  {
    title: ":authority twice",
    rfc: "8.3",
    fields: [[":authority", "example.org"], ...get("/")],
    outcome: MALFORMED,
  },
  {
    title: "a pseudo-header field behind a field",
    rfc: "8.3",
    fields: [["x-one", "1"], ...get("/")],
    outcome: MALFORMED,
  },
  {
    title: "an unknown pseudo-header field",
    rfc: "8.3",
    fields: get("/", [[":x", "1"]]),
    outcome: BROKEN,
    after: BROKEN,
  },
  {
    title: "a pseudo-header field of responses",
    rfc: "8.3",
    fields: get("/", [[":status", "200"]]),
    outcome: MALFORMED,
  },
  {
    title: "a scheme that is none",
    rfc: "8.3.1",
    fields: request({ ":scheme": "h ttp" }),
    outcome: MALFORMED,
  },
  ...["get", "delete", "oPTIONS"].map((method): RequestCase => ({
    title: `the method ${method}, which is no other in upper case`,
    rfc: "9110, 9.1",
    fields: request({ ":method": method }),
    outcome: "200",
    app: `${method} / - ${HOST}`,
  })),
  {
    title: "a method with a space",
    rfc: "8.3.1",
    fields: request({ ":method": "G T" }),
    outcome: BROKEN,
    after: BROKEN,
  },

  // Fields.
  ...[
    ["connection", "close"],
    ["keep-alive", "timeout=5"],
    ["proxy-connection", "keep-alive"],
    ["transfer-encoding", "chunked"],
    ["upgrade", "websocket"],
    ["te", "gzip"],
  ].map(([name, value]): RequestCase => ({
    title: `a field of the connection: ${name}`,
    rfc: "8.2.2",
    fields: get("/", [[name, value]]),
    outcome: MALFORMED,
  })),
  ...[
    ["a name in upper case", "X-One", "1"],
    ["a name with a space", "x one", "1"],
    ["an empty name", "", "1"],
    ["a value with LF", "x-one", "a\nb"],
    ["a value with CR", "x-one", "a\rb"],
    ["a value with NUL", "x-one", "a\0b"],
  ].map(([title, name, value]): RequestCase => ({
    title,
    rfc: "8.2.1",
    fields: get("/", [[name, value]]),
    outcome: BROKEN,
    after: BROKEN,
  })),
  {
    title: "a name with a quote, which the engine lets through",
    rfc: "9110, 5.1",
    fields: get("/", [['x"', "1"]]),
    outcome: "400",
  },
  {
    title: "a value with spaces around it",
    rfc: "8.2.1",
    fields: get("/", [["x-one", " 1 "]]),
    outcome: "200",
    app: `GET / - ${HOST}, x-one:  1 `,
    difference:
      "such a request is malformed; the engine takes it, and a look at each value would cost every request",
  },
  {
    title: "a content-length without a body",
    rfc: "8.1.1",
    fields: get("/", [["content-length", "5"]]),
    outcome: MALFORMED,
  },
  {
    title: "a content-length that is no number",
    rfc: "8.1.1",
    fields: get("/", [["content-length", "abc"]]),
    outcome: MALFORMED,
  },
  {
    title: "content-length twice",
    rfc: "9110, 8.6",
    fields: get("/", [["content-length", "0"], ["content-length", "0"]]),
    outcome: "400",
  },

  // CONNECT.
  {
    title: "CONNECT",
    rfc: "8.5",
    fields: [[":method", "CONNECT"], [":authority", "example.org:443"]],
    outcome: "405",
  },
  {
    title: "CONNECT with a path",
    rfc: "8.5",
    fields: request({ ":method": "CONNECT" }),
    outcome: MALFORMED,
  },
  {
    title: "a WebSocket by extended CONNECT, which the engine does not offer",
    rfc: "8441, 4",
    fields: [[":protocol", "websocket"], ...request({ ":method": "CONNECT" })],
    outcome: MALFORMED,
  },
];
