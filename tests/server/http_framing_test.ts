/** How responses stand on the wire (PAGI.md 3.3, response framing). */

import type { HeaderList, Send } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import {
  httpApp,
  linesOf,
  reply,
  type ServeHttp,
} from "../helpers/http_app.ts";
import type { RawConnection, RawResponse } from "../helpers/raw_connection.ts";
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

/** One response, and proof that the next one begins where it should. */
async function exchange(
  method: string,
  act: (send: Send) => Promise<unknown>,
): Promise<RawResponse> {
  let response: RawResponse | undefined;
  const log = await withClient(async (_scope, _receive, send) => {
    await act(send);
  }, async (client) => {
    await client.request(`${method} /`);
    response = await client.response(method === "HEAD");
    await client.request("GET /next");
    assertEquals((await client.response()).body, "next");
  });
  assertEquals(linesOf("error", log), []);
  return response!;
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

Deno.test("a streamed response without content-length is chunked (PAGI.md 28)", async () => {
  const { headers, body } = await exchange(
    "GET",
    (send) => stream(send, ["a", "b"]),
  );
  assertEquals(headers.get("transfer-encoding"), "chunked");
  assertEquals(headers.has("content-length"), false);
  assertEquals(body, "ab");
});

Deno.test("a response in one piece gets its content-length from the engine (PAGI.md 28, exception)", async () => {
  for (const [body, length] of [["é", "2"], ["", "0"]]) {
    const { headers } = await exchange("GET", (send) => reply(send, body));
    assertEquals(headers.get("content-length"), length);
    assertEquals(headers.has("transfer-encoding"), false);
  }
});

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

Deno.test("date appears exactly once, the app's if it names one (PAGI.md 30)", async () => {
  const own = await exchange("GET", (send) => reply(send));
  assertMatch(
    own.headers.get("date")!,
    /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/,
  );
  const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  for (const name of ["date", "Date"]) {
    const headers: HeaderList = [[name, date]];
    const one = await exchange("GET", (send) => reply(send, "x", headers));
    assertEquals(one.headers.get("date"), date);
    const more = await exchange("GET", (send) => stream(send, ["x"], headers));
    assertEquals(more.headers.get("date"), date);
  }
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
    const { head } = await exchange("GET", act);
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

Deno.test("HEAD of a piece has the length of GET and no body (PAGI.md 31)", async () => {
  const { headers, head } = await exchange(
    "HEAD",
    (send) => reply(send, "hello", [["content-type", "text/plain"]]),
  );
  assertMatch(head, /^HTTP\/1\.1 200 OK\r\n/);
  assertEquals(headers.get("content-length"), "5");
});

Deno.test("HEAD of a stream has no length and no body (PAGI.md 31)", async () => {
  const { headers } = await exchange(
    "HEAD",
    (send) => stream(send, ["a", "b"]),
  );
  assertEquals(headers.has("content-length"), false);
});

Deno.test("HEAD keeps the app's content-length (PAGI.md 31)", async () => {
  const headers: HeaderList = [["content-length", "1000"]];
  for (
    const act of [
      (send: Send) => reply(send, "", headers),
      (send: Send) => stream(send, [], headers),
      (send: Send) => stream(send, ["a", "b"], headers),
    ]
  ) {
    const response = await exchange("HEAD", act);
    assertEquals(response.headers.get("content-length"), "1000");
  }
});

Deno.test("HEAD of an empty reply names no length that GET may not have (PAGI.md 31)", async () => {
  const { headers } = await exchange("HEAD", (send) => reply(send));
  assertEquals(headers.has("content-length"), false);
});

for (const status of [204, 304]) {
  Deno.test(`status ${status} has no body, whatever the app sends`, async () => {
    for (
      const act of [
        (send: Send) => reply(send, "", [], status),
        (send: Send) => reply(send, "body", [], status),
        (send: Send) => reply(send, "body", [["x-a", "b"]], status),
        (send: Send) => stream(send, ["body", "more"], [], status),
      ]
    ) {
      const response = await exchange("GET", act);
      assertEquals(response.status, status);
      assertEquals(response.headers.has("transfer-encoding"), false);
      assertEquals(response.headers.has("content-length"), false);
    }
  });
}

Deno.test("status 205 has an empty body, which ends with the connection", async () => {
  for (const pieces of [[], ["body"], ["body", "more"]]) {
    await withClient(
      (_scope, _receive, send) =>
        pieces.length === 1
          ? reply(send, pieces[0], [], 205)
          : stream(send, pieces, [], 205),
      async (client) => {
        await client.request("GET /");
        assertMatch(await client.rest(), /^HTTP\/1\.1 205 [^]*\r\n\r\n$/);
      },
    );
  }
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
  ) assert((await exchange("GET", act)).body === piece);
});
