/**
 * What the server answers by itself, without the app (PAGI.md 6), looks like.
 * What gets which status stands in tests/wire/http1.
 */

import type { Settings } from "../../src/options/settings.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { withServer } from "../helpers/with_server.ts";

function request(line: string, ...headers: string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost", ...headers, "", ""]
    .join("\r\n");
}

/** Short text without an app call, after which the connection closes. */
async function assertRefused(
  status: number,
  request: string,
  settings: Partial<Settings> = {},
): Promise<void> {
  let calls = 0;
  const app = httpApp(async (_scope, _receive, send) => {
    calls++;
    await reply(send);
  });
  await withServer(app, settings, async ({ connect }) => {
    const client = await connect();
    await client.send(request);
    const answer = await client.response();
    assertEquals(answer.status, status);
    assertEquals(
      answer.headers.get("content-type"),
      "text/plain; charset=utf-8",
    );
    assertMatch(answer.headers.get("connection")!, /^close(, close)?$/);
    assertMatch(answer.body, /^[A-Z][^\n]+\.\n$/);
    assertEquals(await client.rest(), "");
  });
  assertEquals(calls, 0);
}

for (
  const [status, title, text, settings] of [
    [400, "a bad host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
    [405, "CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"],
    [413, "a body too large", request("POST /", "Content-Length: 11"), {
      maxBodySize: 10,
    }],
    [414, "a long request line", request(`GET /${"a".repeat(8192)}`)],
    [421, "a target of another scheme", request("GET https://localhost/")],
    [431, "a long header field", request("GET /", `X: ${"a".repeat(8192)}`)],
    [
      501,
      "an unknown coding",
      request("POST /", "Transfer-Encoding: x, chunked"),
    ],
  ] as [number, string, string, Partial<Settings>?][]
) {
  Deno.test(`${title} gets ${status} with a sentence, without an app call`, async () => {
    await assertRefused(status, text, settings);
  });
}

Deno.test("the default limit of a body is 10,000,000 bytes", async () => {
  await assertRefused(413, request("POST /", "Content-Length: 10000001"));
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
