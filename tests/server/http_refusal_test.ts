/**
 * What the server answers by itself, without the app (PAGI.md 6), and what
 * the engine answers before the server is asked.
 */

import type { Settings } from "../../src/options/settings.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import type { RawResponse } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

interface Answer extends RawResponse {
  /** How often the app was called. */
  calls: number;
}

/** Sends `request`, and reads the answer and the end of the connection. */
async function refusal(
  request: string,
  settings: Partial<Settings> = {},
): Promise<Answer> {
  let calls = 0;
  let answer: RawResponse | undefined;
  const app = httpApp(async (_scope, _receive, send) => {
    calls++;
    await reply(send);
  });
  await withServer(app, settings, async ({ connect }) => {
    const client = await connect();
    await client.send(request);
    answer = await client.response();
    if (answer.status >= 400) assertEquals(await client.rest(), "");
  });
  return { ...answer!, calls };
}

function request(line: string, ...headers: string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost", ...headers, "", ""]
    .join("\r\n");
}

/** Refused by the server: short text, and the connection closes. */
async function assertRefused(
  status: number,
  request: string,
  settings?: Partial<Settings>,
): Promise<Answer> {
  const answer = await refusal(request, settings);
  assertEquals(answer.status, status);
  assertEquals(answer.calls, 0);
  assertEquals(
    answer.headers.get("content-type"),
    "text/plain; charset=utf-8",
  );
  assertMatch(answer.headers.get("connection")!, /^close(, close)?$/);
  assertMatch(answer.body, /^[A-Z][^\n]+\.\n$/);
  return answer;
}

Deno.test("an oversized declared body gets 413 without an app call (PAGI.md 97)", async () => {
  await assertRefused(
    413,
    request("POST /", "Content-Length: 11") + "01234567890",
    { maxBodySize: 10 },
  );
});

Deno.test("the default limit of a body is 10,000,000 bytes", async () => {
  await assertRefused(413, request("POST /", "Content-Length: 10000001"));
});

Deno.test("a body of exactly the limit is taken", async () => {
  const { status } = await refusal(
    request("POST /", "Content-Length: 10") + "0123456789",
    { maxBodySize: 10 },
  );
  assertEquals(status, 200);
});

Deno.test("a length beyond all numbers gets 400 from the engine", async () => {
  const { status } = await refusal(
    request("POST /", "Content-Length: 99999999999999999999"),
  );
  assertEquals(status, 400);
});

Deno.test("a long request line gets 414 (PAGI.md 98)", async () => {
  await assertRefused(414, request(`GET /${"a".repeat(8192)}`));
  await assertRefused(414, request(`GET /?${"a".repeat(8192)}`));
});

Deno.test("oversized header fields get 431 (PAGI.md 98)", async () => {
  await assertRefused(431, request("GET /", `X: ${"a".repeat(8192)}`));
});

Deno.test("too many header fields get 431 (PAGI.md 98)", async () => {
  const many = Array.from({ length: 100 }, (_, i) => `X${i}: y`);
  await assertRefused(431, request("GET /", ...many));
});

Deno.test("the limits of the head are settings", async () => {
  const line = `GET /${"a".repeat(9000)}`;
  const many = Array.from({ length: 110 }, (_, i) => `X${i}: y`);
  const settings = { maxHeaderSize: 20000, maxHeaderCount: 120 };
  const { status } = await refusal(request(line, ...many), settings);
  assertEquals(status, 200);
  await assertRefused(414, request("GET /abc"), { maxHeaderSize: 16 });
});

Deno.test("a head beyond 128 fields or 64 KiB gets 400 from the engine", async () => {
  const settings = { maxHeaderSize: 2 ** 20, maxHeaderCount: 1000 };
  const many = Array.from({ length: 130 }, (_, i) => `X${i}: y`);
  assertEquals(
    (await refusal(request("GET /", ...many), settings)).status,
    400,
  );
  const long = request("GET /", `X: ${"a".repeat(70000)}`);
  assertEquals((await refusal(long, settings)).status, 400);
});

Deno.test("a megabyte of header fields ends with 400, not with memory", async () => {
  await withServer(
    httpApp((_scope, _receive, send) => reply(send)),
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
      const field = `X: ${"a".repeat(1000)}\r\n`;
      try {
        for (let i = 0; i < 1000; i++) await client.send(field);
      } catch (error) {
        // The server had enough.
        assert(
          error instanceof Deno.errors.BrokenPipe ||
            error instanceof Deno.errors.ConnectionReset,
        );
      }
      assertMatch(await client.rest(), /^(HTTP\/1\.1 400 |$)/);
    },
  );
});

Deno.test("content-length with transfer-encoding gets 400 (PAGI.md 99)", async () => {
  const { status, calls } = await refusal(
    request("POST /", "Content-Length: 5", "Transfer-Encoding: chunked") +
      "0\r\n\r\n",
  );
  assertEquals([status, calls], [400, 0]);
});

Deno.test("HTTP/1.1 without host gets 400 (PAGI.md 100)", async () => {
  await assertRefused(400, "GET / HTTP/1.1\r\n\r\n");
  await assertRefused(400, "GET http://localhost/ HTTP/1.1\r\n\r\n");
});

Deno.test("HTTP/1.0 without host gets 400 too (PAGI.md 100, exception)", async () => {
  await assertRefused(400, "GET / HTTP/1.0\r\n\r\n");
});

Deno.test("an unknown transfer-encoding gets 501 (PAGI.md 101)", async () => {
  await assertRefused(
    501,
    request("POST /", "Transfer-Encoding: gzip, chunked") + "0\r\n\r\n",
  );
  await assertRefused(
    501,
    request("POST /", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked") +
      "0\r\n\r\n",
  );
});

Deno.test("chunked is understood in any case", async () => {
  const { status } = await refusal(
    request("POST /", "Transfer-Encoding: CHUNKED") + "0\r\n\r\n",
  );
  assertEquals(status, 200);
});

for (
  const host of [
    "a b",
    "user@localhost",
    "localhost/x",
    "localhost?x",
    "localhost:x",
    "localhost:99999",
    "[::1",
    "::1",
    "1.2.3.999",
    "caf\xe9",
    "a#b",
    "a\\b",
    "a%",
  ]
) {
  Deno.test(`the host ${JSON.stringify(host)} gets 400`, async () => {
    await assertRefused(400, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}

for (
  const host of [
    "",
    "[::1]",
    "[::1]:80",
    "xn--caf-dma.example:8080",
    "a_b",
    "a,b",
  ]
) {
  Deno.test(`the host ${JSON.stringify(host)} is taken`, async () => {
    const { status } = await refusal(
      `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    assertEquals(status, 200);
  });
}

for (
  const [title, text] of [
    ["a good target with a bad host", "GET http://a/ HTTP/1.1\r\nHost: b c"],
    ["userinfo in the target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a"],
    ["a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a"],
    ["a fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: a"],
    [
      "content-length twice, though equal",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0",
    ],
  ]
) {
  Deno.test(`${title} gets 400`, async () => {
    await assertRefused(400, text + "\r\n\r\n");
  });
}

Deno.test("CONNECT gets 405", async () => {
  await assertRefused(405, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n");
});

for (
  const [title, text] of [
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
    ["garbage", "\x16\x03\x01\x02\r\n\r\n"],
    ["HTTP/1.2", request("GET /").replace("1.1", "1.2")],
    ["HTTP/2.0 in a request line", request("GET /").replace("1.1", "2.0")],
    ["a target without a slash", request("GET a")],
    ["GET *", request("GET *")],
    ["CONNECT with a path", request("CONNECT /")],
    ["NUL in the target", request("GET /\0")],
    ["a target that is not UTF-8", request("GET /caf\xe9")],
    ["NUL in a header", request("GET /", "X: a\0b")],
    ["a control character in a header", request("GET /", "X: a\x07b")],
    ["a bare CR in a header", request("GET /", "X: a\rb")],
    ["an obsolete line fold", request("GET /", "X: a", " b")],
    ["a space before the colon", request("GET /", "X : a")],
    ["a header without a colon", request("GET /", "X")],
    ["a header without a name", request("GET /", ": a")],
    ["different lengths", request("POST /", ...lengths("5", "6"))],
    ["a list of lengths", request("POST /", ...lengths("5, 5"))],
    ["a negative length", request("POST /", ...lengths("-5"))],
    ["a signed length", request("POST /", ...lengths("+5"))],
    ["a hexadecimal length", request("POST /", ...lengths("0x5"))],
    ["an empty length", request("POST /", ...lengths(""))],
    ["chunked not last", request("POST /", "Transfer-Encoding: chunked, gzip")],
    ["no chunked at all", request("POST /", "Transfer-Encoding: gzip")],
    [
      "chunked twice",
      request("POST /", "Transfer-Encoding: chunked, chunked"),
    ],
    [
      "chunked in HTTP/1.0",
      request("POST /", "Transfer-Encoding: chunked").replace("1.1", "1.0"),
    ],
  ]
) {
  Deno.test(`${title} gets 400 from the engine, and the app is not called`, async () => {
    const { status, calls } = await refusal(text);
    assertEquals([status, calls], [400, 0]);
  });
}

function lengths(...values: string[]): string[] {
  return values.map((value) => `Content-Length: ${value}`);
}

Deno.test("bare line feeds end lines, as RFC 9112, section 2.2, allows", async () => {
  const { status } = await refusal("GET / HTTP/1.1\nHost: a\n\n");
  assertEquals(status, 200);
});

Deno.test("empty lines before the request line are skipped", async () => {
  const { status } = await refusal("\r\n\r\n" + request("GET /"));
  assertEquals(status, 200);
});

Deno.test("a broken chunk that comes with the head ends the connection unanswered", async () => {
  // The engine drops the connection before any handler is called.
  let calls = 0;
  const app = httpApp(async (_scope, _receive, send) => {
    calls++;
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.send(
      request("POST /", "Transfer-Encoding: chunked") + "zz\r\nhello\r\n",
    );
    assertEquals(await client.rest(), "");
  });
  assertEquals(calls, 0);
});

Deno.test("over capacity a request gets 503 with retry-after: 5 (PAGI.md 102)", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send));
  await withServer(app, { maxConnections: 2 }, async ({ connect }) => {
    const clients = [await connect(), await connect(), await connect()];
    const statuses: number[] = [];
    for (const client of clients) {
      await client.request("GET /");
      const answer = await client.response();
      statuses.push(answer.status);
      if (answer.status !== 503) continue;
      assertEquals(answer.headers.get("retry-after"), "5");
      assertEquals(answer.headers.get("connection"), "close");
      assertEquals(
        answer.headers.get("content-type"),
        "text/plain; charset=utf-8",
      );
      assertEquals(await client.rest(), "");
    }
    assertEquals(statuses, [200, 200, 503]);

    clients[0].close();
    // As soon as there is room again, a newcomer is served.
    let status = 503;
    while (status === 503) {
      const client = await connect();
      await client.request("GET /");
      status = (await client.response()).status;
      client.close();
    }
    assertEquals(status, 200);
  });
});

Deno.test("a request behind a refused one is not served", async () => {
  let calls = 0;
  const app = httpApp(async (_scope, _receive, send) => {
    calls++;
    await reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.send(
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + request("GET /smuggled"),
    );
    assertEquals((await client.response()).status, 400);
    // The engine asks once more; the guard's word stands.
    assert(!(await client.rest()).includes("HTTP/1.1 200"));
  });
  assertEquals(calls, 0);
});
