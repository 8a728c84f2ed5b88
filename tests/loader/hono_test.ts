import { Hono } from "hono";
import type { Context } from "hono";
import { getConnInfo } from "hono/deno";
import { deleteCookie, setCookie } from "hono/cookie";
import { streamSSE, streamText } from "hono/streaming";
import { fetchApp } from "../../src/loader/fetch_app.ts";
import { assertEquals, assertStringIncludes } from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";
import { Client } from "./client.ts";

const hono = new Hono();
let aborted = Promise.withResolvers<void>();
hono.get(
  "/users/:id",
  (c) => c.json({ id: c.req.param("id"), sort: c.req.query("sort") }),
);
hono.post("/users", async (c) => c.json(await c.req.json(), 201));
hono.get("/peer", (c) => c.text(getConnInfo(c).remote.address ?? ""));
hono.get("/cookies", (c) => {
  setCookie(c, "a", "1");
  deleteCookie(c, "b");
  return c.body(null, 204);
});
hono.get("/text", (c) =>
  streamText(c, async (stream) => {
    for (const word of ["one ", "two ", "three"]) await stream.write(word);
  }));
const ticks = (c: Context): Response =>
  streamSSE(c, async (stream) => {
    stream.onAbort(() => aborted.resolve());
    await stream.writeSSE({ event: "tick", data: "1", id: "1" });
    if (c.req.path === "/ticks") await aborted.promise;
  });
hono.get("/one-tick", ticks).get("/ticks", ticks);
hono.get("/broken", () => {
  throw new Error("broken");
});
hono.onError((error, c) => c.text(`failed: ${error.message}`, 500));

const app = fetchApp(hono);

Deno.test("a Hono app answers with JSON, parameters and queries", async () => {
  const client = await runApp(app, { target: "/users/7?sort=name" });
  assertEquals(client.status, 200);
  assertEquals(client.headers, [["content-type", "application/json"]]);
  assertEquals(JSON.parse(client.text), { id: "7", sort: "name" });
  assertEquals(client.events.length, 2);
});

Deno.test("a Hono app reads a JSON body", async () => {
  const client = await runApp(app, {
    method: "POST",
    target: "/users",
    headers: { "content-type": "application/json" },
    body: '{"name":"Zoë"}',
  });
  assertEquals(client.status, 201);
  assertEquals(JSON.parse(client.text), { name: "Zoë" });
});

Deno.test("a Hono app learns the peer's address through getConnInfo()", async () => {
  assertEquals((await runApp(app, { target: "/peer" })).text, "127.0.0.1");
});

Deno.test("a Hono app sets several cookies", async () => {
  const { status, headers } = await runApp(app, { target: "/cookies" });
  assertEquals(status, 204);
  const cookies = headers.filter(([name]) => name === "set-cookie");
  assertEquals(cookies.map(([, value]) => value), [
    "a=1; Path=/",
    "b=; Max-Age=0; Path=/",
  ]);
});

Deno.test("a Hono app answers HEAD, 404 and errors", async () => {
  const head = await runApp(app, { method: "HEAD", target: "/users/7" });
  assertEquals([head.status, head.text], [200, ""]);
  assertEquals((await runApp(app, { target: "/none" })).status, 404);
  const broken = await runApp(app, { target: "/broken" });
  assertEquals([broken.status, broken.text], [500, "failed: broken"]);
});

Deno.test("a Hono app streams text in pieces", async () => {
  const client = await runApp(app, { target: "/text" });
  assertEquals(client.text, "one two three");
  assertEquals(client.events.length > 3, true);
});

Deno.test("a Hono app streams server-sent events to http and sse scopes", async () => {
  for (const type of ["http", "sse"] as const) {
    const client = await runApp(app, { type, target: "/one-tick" });
    assertStringIncludes(
      client.headers.join("\n"),
      "content-type,text/event-stream",
    );
    assertEquals(client.text, "event: tick\ndata: 1\nid: 1\n\n");
  }
});

Deno.test("a Hono event stream learns that its client left", async () => {
  for (const type of ["http", "sse"] as const) {
    aborted = Promise.withResolvers();
    const client = new Client(app, { type, target: "/ticks" });
    client.leave();
    await aborted.promise;
    await client.finished;
  }
});
