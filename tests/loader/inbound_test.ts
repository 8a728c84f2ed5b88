import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { until } from "../helpers/wait.ts";
import { Client } from "./client.ts";
import { app, source } from "./fetching.ts";

Deno.test("fetchApp() reads the request's body only as fast as the handler", async () => {
  const parts = ["one ", "", "two ", "three"];
  const decoder = new TextDecoder();
  let received = (): number => NaN;
  const counts: number[] = [];
  const lazy = new Client(
    app(async (request) => {
      await null;
      counts.push(received());
      let text = "";
      for await (const part of request.body!) {
        counts.push(received());
        text += decoder.decode(part);
      }
      return new Response(text);
    }),
    { method: "POST", parts },
  );
  received = () => lazy.received;
  await lazy.finished;
  assertEquals(lazy.text, parts.join(""));
  assertEquals(counts, [0, 1, 3, 4]);

  const unread = new Client(app(() => new Response("x")), {
    method: "POST",
    parts,
  });
  await unread.finished;
  assertEquals(unread.received, 0);
});

Deno.test("fetchApp() cancels the body and aborts the signal when the client leaves", async () => {
  for (const type of ["http", "sse"] as const) {
    const { body, cancelled } = source(["a"]);
    let signal: AbortSignal | undefined;
    const client = new Client(
      app((request) => {
        signal = request.signal;
        return new Response(body);
      }),
      { type },
    );
    await until(() => client.text === "a");
    assertEquals(signal?.aborted, false);
    client.leave();
    await client.finished;
    assertEquals(signal?.aborted, true);
    assertEquals(await cancelled, signal?.reason);
  }
});

Deno.test("fetchApp() tells an event stream's handler of the disconnect after a body", async () => {
  const read: ((request: Request) => Promise<unknown>)[] = [
    (request) => request.text(),
    () => Promise.resolve(),
  ];
  for (const use of read) {
    const { body, cancelled } = source(["a"]);
    const client = new Client(
      app(async (request) => {
        await use(request);
        return new Response(body);
      }),
      { type: "sse", method: "POST", parts: ["{}"] },
    );
    await until(() => client.text === "a");
    client.leave();
    await client.finished;
    await cancelled;
  }
});

Deno.test("fetchApp() fails the body's reader when the client leaves in the middle", async () => {
  for (const type of ["http", "sse"] as const) {
    let failure: unknown;
    const client = new Client(
      app(async (request) => {
        await request.text().catch((error) => failure = error);
        return new Response();
      }),
      { type, method: "POST", parts: ["part"], stalls: true },
    );
    await until(() => client.received === 2);
    client.leave();
    await client.finished;
    assert(failure instanceof DOMException);
    assertEquals(failure.name, "AbortError");
  }
});

Deno.test("fetchApp() does not abort once the answer is complete", async () => {
  let signal: AbortSignal | undefined;
  const client = new Client(
    app((request) => {
      signal = request.signal;
      return new Response("x");
    }),
    { type: "sse" },
  );
  await client.finished;
  client.leave();
  await until(() => client.received === 2);
  await new Promise((done) => setTimeout(done));
  assertEquals(signal?.aborted, false);
});

Deno.test("fetchApp() aborts copies of the request as well", async () => {
  const aborted: boolean[] = [];
  const client = new Client(app(async (request) => {
    const copies = [request.clone(), new Request("http://h/", request)];
    await new Promise((done) => request.signal.onabort = done);
    aborted.push(...copies.map(({ signal }) => signal.aborted));
    return new Response();
  }));
  client.leave();
  await client.finished;
  assertEquals(aborted, [true, true]);
});

Deno.test("fetchApp() gives an empty body as a stream, as `Deno.serve` does", async () => {
  const client = new Client(
    app(async ({ body }) => {
      const reader = body!.getReader();
      return Response.json(await reader.read());
    }),
    { method: "POST", headers: [["content-length", "0"]] },
  );
  await client.finished;
  assertEquals(client.text, '{"done":true}');
});

Deno.test("fetchApp() says why a body cannot be read after the answer", async () => {
  let read!: () => Promise<string>;
  const server: PagiApp = async (scope, _receive, send) => {
    await handler(
      scope,
      () => Promise.resolve({ type: "http.disconnect" }),
      send,
    );
  };
  const handler = app((request) => {
    read = () => request.text();
    return new Response("x");
  });
  await new Client(server, { method: "POST" }).finished;
  await assertRejects(() => read(), TypeError, "The request has ended.");
});
