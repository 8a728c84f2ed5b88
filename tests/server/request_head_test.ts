/**
 * Request heads where the engine tells no more than the public `Request`
 * (PAGI.md 9), and limits at their edges. What the real engine gives is in
 * http_scope_test.ts and http_refusal_test.ts.
 */

import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { lowerNames, sentHeaders } from "../../src/engine/request.ts";
import { Http2Connections } from "../../src/server/http2_connection.ts";
import { Refusal } from "../../src/server/response/plain_answer.ts";
import {
  type HeadLimits,
  readHead,
  type RequestHead,
} from "../../src/server/request/head.ts";

const LIMITS: HeadLimits = {
  maxHeaderSize: 8192,
  maxHeaderCount: 100,
  maxBodySize: 1000,
};

const INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50000 },
  completed: Promise.resolve(),
};

const CONNECTIONS = new Http2Connections(null, "");

/**
 * A request as an engine gives it that hides its header list: `new Request`
 * has one, but no `host` may stand in it.
 */
function request(
  url: string,
  headers: [string, string][] = [["host", "localhost"]],
  method = "GET",
): Request {
  const fields = new Headers();
  for (const [name, value] of headers) fields.append(name, value);
  return { url, method, headers: fields } as unknown as Request;
}

function read(...args: Parameters<typeof request>): RequestHead {
  return readHead(request(...args), LIMITS, false, INFO, CONNECTIONS);
}

function refused(status: number, ...args: Parameters<typeof request>): void {
  const error = assertThrows(() => read(...args), Refusal);
  assertEquals(error.status, status);
}

Deno.test("without the engine's list equal names are joined and sorted (PAGI.md 16, exception)", () => {
  const { headers } = read("http://localhost/", [
    ["X-Two", "a"],
    ["Host", "localhost"],
    ["Accept", "b"],
    ["x-two", "c"],
  ]);
  assertEquals(headers, [
    ["accept", "b"],
    ["host", "localhost"],
    ["x-two", "a, c"],
  ]);
});

Deno.test("the list of a request that was made here is read as well", () => {
  const made = new Request("http://localhost/", {
    headers: [["X-Two", "a"], ["accept", "b"], ["x-two", "c"]],
  });
  const fields = sentHeaders(made);
  assertEquals(lowerNames(fields), true);
  const names = fields.map(([name]) => name);
  assertEquals(names.includes("x-two"), true);
  assertEquals(names.every((name) => name === name.toLowerCase()), true);
});

Deno.test("the list of a copy is its own", () => {
  const original = request("http://localhost/");
  sentHeaders(original).push(["x-mine", "1"]);
  assertEquals([...original.headers], [["host", "localhost"]]);
});

Deno.test("path and query stand in the URL as they were sent", () => {
  const head = read("http://localhost//a/../b%2Fc?d?e");
  assertEquals([head.rawPath, head.query], ["//a/../b%2Fc", "d?e"]);
});

Deno.test("a path that is not ASCII becomes its bytes", () => {
  const head = read("http://localhost/é?€");
  assertEquals([head.rawPath, head.query], ["/\xC3\xA9", "\xE2\x82\xAC"]);
});

Deno.test("a host is looked for to its end", () => {
  const authority: [string, string][] = [["host", "local"]];
  const head = read("http://localhost:1/path", authority);
  assertEquals(head.rawPath, "/path");
  assertEquals(head.headers, [["host", "localhost:1"]]);
});

Deno.test("an empty path is /", () => {
  const head = read("http://other?q", [["host", "localhost"]]);
  assertEquals([head.rawPath, head.query], ["/", "q"]);
});

Deno.test("without a host it is HTTP/2, or 400 where it cannot be", () => {
  const head = read("http://authority:8/path", []);
  assertEquals(head.http2?.isWhole, false);
  assertEquals(head.headers, [["host", "authority:8"]]);
  refused(400, "http://localhost/", [
    ["upgrade", "websocket"],
    ["connection", "upgrade"],
  ]);
});

Deno.test("joined lengths and codings are refused like repeated ones", () => {
  const host: [string, string] = ["host", "localhost"];
  for (
    const [status, name, ...values] of [
      [400, "content-length", "5", "5"],
      [501, "transfer-encoding", "gzip", "chunked"],
      [501, "transfer-encoding", "gzip, chunked"],
    ] as [number, string, ...string[]][]
  ) {
    const fields = values.map((value): [string, string] => [name, value]);
    refused(status, "http://localhost/", [host, ...fields], "POST");
  }
});

Deno.test("the limits are the last values that pass", () => {
  const host: [string, string] = ["host", "localhost"];
  const url = (length: number) => `http://localhost/${"a".repeat(length)}`;
  // GET, two spaces, the slash, HTTP/1.1.
  const fixed = "GET / HTTP/1.1".length;
  read(url(8192 - fixed));
  refused(414, url(8193 - fixed));

  const size = (length: number): [string, string][] => [
    host,
    ["x", "a".repeat(length)],
  ];
  const others = "host: localhost\r\nx: \r\n".length;
  read("http://localhost/", size(8192 - others));
  refused(431, "http://localhost/", size(8193 - others));

  const count = (length: number) => [
    host,
    ...Array.from({ length }, (_, i): [string, string] => [`x${i}`, ""]),
  ];
  read("http://localhost/", count(99));
  refused(431, "http://localhost/", count(100));

  const length = (value: number): [string, string][] => [
    host,
    ["content-length", String(value)],
  ];
  assertEquals(read("http://localhost/", length(1000)).contentLength, 1000);
  refused(413, "http://localhost/", length(1001));
  const unlimited = { ...LIMITS, maxBodySize: 0 };
  const head = readHead(
    request("http://localhost/", length(1e12)),
    unlimited,
    false,
    INFO,
    CONNECTIONS,
  );
  assertEquals(head.contentLength, 1e12);
});

Deno.test("an upgrade to WebSocket is one only with all that belongs to it", () => {
  const all: [string, string][] = [
    ["host", "localhost"],
    ["accept", "text/event-stream"],
    ["upgrade", "h2c, WebSocket"],
    ["connection", "keep-alive, Upgrade"],
    ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="],
    ["sec-websocket-version", "13"],
  ];
  assertEquals(read("http://localhost/", all).kind, "websocket");
  assertEquals(read("http://localhost/", all, "POST").kind, "sse");
  for (const missing of ["upgrade", "connection", "sec-websocket-key"]) {
    const fields = all.filter(([name]) => name !== missing);
    assertEquals(read("http://localhost/", fields).kind, "sse");
  }
  for (const version of ["12", "8", ""]) {
    refused(426, "http://localhost/", [
      ...all.slice(0, -1),
      ["sec-websocket-version", version],
    ]);
  }
});
