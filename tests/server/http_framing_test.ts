/**
 * How responses stand on the wire (PAGI.md 3.3), where more than one event or
 * connection is needed to see it; the rest is in tests/wire/http1/responses.ts.
 */

import type { HeaderList, Send } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { httpApp, reply, type ServeHttp } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { responseOf } from "../helpers/response_of.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** Serves `serve` at / and a plain reply at /next. */
async function withClient(
  serve: ServeHttp,
  body: (client: RawConnection) => Promise<void>,
): Promise<string[]> {
  const app = httpApp((scope, receive, send) =>
    scope.path === "/next" ? reply(send, "next") : serve(scope, receive, send)
  );
  return await withServer(app, {}, async ({ connect }) => {
    await body(await connect());
  });
}

async function stream(
  send: Send,
  pieces: string[],
  headers: HeaderList = [],
  status = 200,
): Promise<void> {
  await send({ type: "http.response.start", status, headers });
  for (const body of pieces) {
    await send({ type: "http.response.body", body, more: 1 });
  }
  await send({ type: "http.response.body" });
}

Deno.test("a body that ends with its content-length has succeeded, whatever ends it", async () => {
  // The engine stops reading at the last byte, as it does when a client left.
  const ends: string[] = [];
  await withClient(async (scope, _receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => ends.push(reason));
    connection.onComplete(() => ends.push("complete"));
    await send({
      type: "http.response.start",
      status: 200,
      headers: [["content-length", "5"]],
    });
    await send({ type: "http.response.body", body: "hello", more: 1 });
    await delay(30);
    assertEquals(connection.isConnected(), true);
    await send({ type: "http.response.body" });
  }, async (client) => {
    for (let i = 0; i < 2; i++) {
      await client.request("GET /");
      assertEquals((await client.response()).body, "hello");
    }
  });
  assertEquals(ends, ["complete", "complete"]);
});

Deno.test("header fields keep their order and their duplicates", async () => {
  const cookies: HeaderList = [
    ["set-cookie", "a=1; Path=/"],
    ["x-one", "1"],
    ["set-cookie", "b=2, with a comma"],
    ["X-One", "2"],
  ];
  for (
    const act of [
      (send: Send) => reply(send, "x", cookies),
      (send: Send) => stream(send, ["x"], cookies),
    ]
  ) {
    const { head } = await responseOf(act);
    assertEquals(
      head.match(/^(set-cookie|x-one):.*$/gim)!.map((field) =>
        field.toLowerCase()
      ),
      [
        "set-cookie: a=1; path=/",
        "x-one: 1",
        "set-cookie: b=2, with a comma",
        "x-one: 2",
      ],
    );
  }
});

Deno.test("nobody compresses a body behind the app's back", async () => {
  const body = "compressible ".repeat(1000);
  await withClient(
    (_scope, _receive, send) =>
      reply(send, body, [["content-type", "text/plain"]]),
    async (client) => {
      await client.request("GET /", "accept-encoding: gzip, br");
      const response = await client.response();
      assertEquals(response.headers.has("content-encoding"), false);
      assertEquals(response.body, body);
    },
  );
});

Deno.test("all statuses from 200 to 599 can be sent", async () => {
  await withClient(
    (scope, _receive, send) => reply(send, "", [], Number(scope.query_string)),
    async (client) => {
      for (const status of [200, 201, 226, 299, 300, 308, 404, 418, 451, 599]) {
        await client.request(`GET /?${status}`);
        assertEquals((await client.response()).status, status);
      }
    },
  );
});

Deno.test("HTTP/1.0 without content-length closes after the body (PAGI.md 32)", async () => {
  await withClient(
    (_scope, _receive, send) => stream(send, ["a", "b"]),
    async (client) => {
      await client.send(
        "GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
      );
      const wire = await client.rest();
      assertMatch(wire, /^HTTP\/1\.0 200 OK\r\n/);
      assertMatch(wire, /\r\n\r\nab$/);
      assert(!/transfer-encoding|keep-alive/i.test(wire));
    },
  );
});

Deno.test("HTTP/1.0 with content-length may keep the connection (PAGI.md 32)", async () => {
  await withClient(
    (_scope, _receive, send) => stream(send, ["ab"], [["content-length", "2"]]),
    async (client) => {
      for (let i = 0; i < 2; i++) {
        await client.send(
          "GET /next HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        );
        const { headers, body } = await client.response();
        assertEquals([headers.get("connection"), body], ["keep-alive", "next"]);
      }
      await client.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
      assertMatch(await client.rest(), /\r\n\r\nab$/);
    },
  );
});

Deno.test("a piece larger than every buffer arrives whole", async () => {
  const piece = Array.from({ length: 500_000 }, (_, i) => i % 10).join("");
  for (
    const act of [
      (send: Send) => reply(send, piece),
      (send: Send) => stream(send, [piece]),
    ]
  ) assert((await responseOf(act)).body === piece);
});
