/** Several requests on one connection (PAGI.md 3.3). */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { httpApp, readBody, reply } from "../helpers/http_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";

Deno.test("pipelined requests are answered in order on one connection (PAGI.md 33)", async () => {
  const app = httpApp(async (scope, _receive, send) => {
    // The first ones take longest.
    const wait = 30 - 10 * Number(scope.path.slice(1));
    if (wait > 0) await delay(wait);
    if (scope.path === "/1") {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "/", more: 1 });
      await send({ type: "http.response.body", body: "1" });
    } else await reply(send, scope.path);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    const paths = ["/0", "/1", "/2", "/3"];
    await client.send(
      paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
        .join(""),
    );
    for (const path of paths) {
      assertEquals((await client.response()).body, path);
    }
  });
});

for (
  const [title, readsPart, body] of [
    ["unread", false, SMUGGLED],
    ["unread and long", false, SMUGGLED.repeat(40_000)],
    ["read in part", true, SMUGGLED.repeat(40_000)],
  ] as const
) {
  for (const framing of ["content-length", "chunked"]) {
    Deno.test(`a body that is ${title} is never parsed as a request (${framing}; PAGI.md 33, 34)`, async () => {
      const paths: string[] = [];
      const app = httpApp(async (scope, receive, send) => {
        paths.push(scope.path);
        if (readsPart) await receive();
        await reply(send, scope.path);
      });
      await withServer(app, {}, async ({ connect }) => {
        const client = await connect();
        const [header, wire] = framing === "chunked"
          ? [
            "transfer-encoding: chunked",
            `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
          ]
          : [`content-length: ${body.length}`, body];
        const sending = client.send(
          `POST /first HTTP/1.1\r\nhost: localhost\r\n${header}\r\n\r\n` +
            `${wire}GET /next HTTP/1.1\r\nhost: localhost\r\n\r\n`,
        ).catch(() => {}); // It may be cut off.
        assertEquals((await client.response()).body, "/first");
        // The engine either skips the body or ends the connection.
        const rest = await client.until("/next").catch(String);
        assert(!rest.includes("smuggled"));
        client.close();
        await sending;
      });
      assert(["/first", "/first /next"].includes(paths.join(" ")), `${paths}`);
    });
  }
}

Deno.test("a body that was read in part does not keep its connection from going on", async () => {
  const app = httpApp(async (scope, receive, send) => {
    if (scope.method === "POST") await receive();
    await reply(send, scope.path);
  });
  await withServer(app, { timeout: 0 }, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /part", "content-length: 10");
    await client.send("first");
    assertEquals((await client.response()).body, "/part");
    await client.send("again");
    await client.request("GET /next", "connection: close");
    assertEquals((await client.response()).body, "/next");
    assertEquals(await client.rest(), "");
  });
});

Deno.test("100 Continue is sent at once, not with the first body read (PAGI.md 35, exception)", async () => {
  const go = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, receive, send) => {
    await go.promise;
    await reply(send, await readBody(receive));
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 2", "expect: 100-continue");
    assertEquals(
      await client.until("\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n",
    );
    go.resolve();
    await client.send("ok");
    assertEquals((await client.response()).body, "ok");
  });
});
