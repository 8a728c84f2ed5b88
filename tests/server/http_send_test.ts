/** The table of events of an `http` scope (PAGI.md 3.3), row by row. */

import type { PagiConnection, Send, SendEvent } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, linesOf, reply } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

/** Runs an app that does `act` on GET /; two requests, to see the framing. */
async function run(
  act: (send: Send, connection: PagiConnection) => Promise<unknown>,
  check: (client: RawConnection) => Promise<void>,
): Promise<string[]> {
  const app = httpApp(async (scope, _receive, send) => {
    await (scope.path === "/next"
      ? reply(send, "next")
      : act(send, scope["pagi.connection"]));
  });
  return await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await check(client);
  });
}

/** The connection is where it should be: the next request is answered. */
async function assertInStep(client: RawConnection): Promise<void> {
  await client.request("GET /next");
  assertEquals((await client.response()).body, "next");
}

const start = (status: number, trailers = 0): SendEvent => ({
  type: "http.response.start",
  status,
  headers: [["x-status", String(status)]],
  trailers: trailers as 0 | 1,
});
const body = (body: string, more: 0 | 1 = 0): SendEvent => ({
  type: "http.response.body",
  body,
  more,
});
const trailers: SendEvent = {
  type: "http.response.trailers",
  headers: [["x-trailer", "t"]],
};
const flush: SendEvent = { type: "http.fullflush" };

Deno.test("a second start is ignored: before the body, in it and after it (PAGI.md 26)", async () => {
  const log = await run(async (send) => {
    await send(start(201));
    await send(start(202));
    await send(body("a", 1));
    await send(start(203));
    await send(body("b"));
    await send(start(204));
  }, async (client) => {
    const { status, headers, body } = await client.response();
    assertEquals([status, body], [201, "ab"]);
    assertEquals(headers.get("x-status"), "201");
    await assertInStep(client);
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("a body event before start, or after the final one, is ignored (PAGI.md 27)", async () => {
  await run(async (send) => {
    await send(body("early", 1));
    await send(body("early"));
    await send({ type: "http.response.body", file: "/missing" });
    await send(start(200));
    await send(body("only"));
    await send(body("late", 1));
    await send(body("late"));
    await send({ type: "http.response.body", file: "/missing" });
  }, async (client) => {
    assertEquals((await client.response()).body, "only");
    await assertInStep(client);
  });
});

Deno.test("trailers before start, without announcement or twice are ignored (PAGI.md 41)", async () => {
  await run(async (send) => {
    await send(trailers);
    await send(start(200));
    await send(trailers);
    await send(body("a", 1));
    await send(trailers);
    await send(body("b"));
    await send(trailers);
  }, async (client) => {
    const { body, head } = await client.response();
    assertEquals(body, "ab");
    assert(!head.includes("trailer"));
    await assertInStep(client);
  });
});

Deno.test("announced trailers end the message and do not reach the wire (PAGI.md 41, exception)", async () => {
  for (const pieces of [["ab"], ["a", "b"]]) {
    const seen: boolean[] = [];
    await run(async (send, connection) => {
      await send(start(200, 1));
      for (const piece of pieces.slice(1)) await send(body(piece, 1));
      await send(body(pieces[0]));
      seen.push(connection.responseComplete());
      await send(body("ignored"));
      await send(trailers);
      seen.push(connection.responseComplete());
      await send(trailers);
    }, async (client) => {
      await client.until("\r\n\r\n");
      const rest = await client.until("0\r\n");
      assert(!rest.includes("ignored"));
      assertEquals(await client.read(2), "\r\n");
      await assertInStep(client);
    });
    assertEquals(seen, [false, true]);
  }
});

Deno.test("announced trailers that never come do not keep the message open", async () => {
  let completed = 0;
  const log = await run(async (send, connection) => {
    connection.onComplete(() => completed++);
    await send(start(200, 1));
    await send(body("a"));
  }, async (client) => {
    assertEquals((await client.response()).body, "a");
    await assertInStep(client);
  });
  assertEquals(completed, 1);
  assertEquals(linesOf("error", log), []);
});

Deno.test("http.fullflush is not advertised, so it rejects at any time (PAGI.md 42)", async () => {
  await run(async (send) => {
    const refused = () => assertRejects(() => send(flush), TypeError, "scope");
    await refused();
    await send(start(200));
    await refused();
    await send(body("a", 1));
    await refused();
    await send(body("b"));
    await refused();
  }, async (client) => {
    assertEquals((await client.response()).body, "ab");
    await assertInStep(client);
  });
});

Deno.test("no http scope advertises http.fullflush (PAGI.md 42)", async () => {
  const app = httpApp((scope, _receive, send) =>
    reply(send, JSON.stringify(scope.extensions))
  );
  await withServer(app, {}, async ({ url }) => {
    assertEquals(await (await fetch(url)).json(), {});
  });
});

Deno.test("combining body, file or fh rejects (PAGI.md 36)", async () => {
  using fh = await Deno.open(new URL(import.meta.url));
  const file = "deno.json";
  await run(async (send) => {
    await send(start(200));
    for (
      const fields of [
        { body: "a", file },
        { body: "a", fh },
        { file, fh },
        { body: "a", file, fh },
      ]
    ) {
      const event = { type: "http.response.body", ...fields } as SendEvent;
      await assertRejects(() => send(event), TypeError, "more than one");
    }
    await send(body("good"));
  }, async (client) => {
    assertEquals((await client.response()).body, "good");
  });
});

Deno.test("an empty piece with more opens the response: the head leaves", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await run(async (send) => {
    await send(start(200));
    await send({ type: "http.response.body", more: 1 });
    await promise;
    await send(body("later"));
  }, async (client) => {
    const head = await client.until("\r\n\r\n");
    assertStringIncludes(head, "HTTP/1.1 200 OK\r\n");
    resolve();
    assertStringIncludes(await client.until("0\r\n\r\n"), "later");
  });
});

Deno.test("each piece leaves when it is sent, not at the end", async () => {
  const turns = [0, 1, 2].map(() => Promise.withResolvers<void>());
  await run(async (send) => {
    await send(start(200));
    for (const [i, turn] of turns.entries()) {
      await send(body(`piece ${i}`, 1));
      await turn.promise;
    }
    await send(body(""));
  }, async (client) => {
    for (const [i, turn] of turns.entries()) {
      await client.until(`piece ${i}`);
      turn.resolve();
    }
    await client.until("0\r\n\r\n");
    await assertInStep(client);
  });
});

Deno.test("empty pieces write nothing and end nothing", async () => {
  await run(async (send) => {
    await send(start(200));
    for (const piece of ["", "a", "", "b", ""]) await send(body(piece, 1));
    await send({
      type: "http.response.body",
      body: new Uint8Array(),
      more: 1,
    });
    await send({ type: "http.response.body" });
  }, async (client) => {
    assertEquals((await client.response()).body, "ab");
    await assertInStep(client);
  });
});

Deno.test("responseStarted and responseComplete follow the events", async () => {
  const seen: [boolean, boolean][] = [];
  await run(async (send, connection) => {
    const look = () =>
      seen.push([
        connection.responseStarted(),
        connection.responseComplete(),
      ]);
    look();
    await assertRejects(() => send(start(99)));
    look();
    await send(start(200));
    look();
    await send(body("a", 1));
    look();
    await send(body("b"));
    look();
  }, async (client) => {
    await client.response();
    await assertInStep(client);
  });
  assertEquals(seen, [
    [false, false],
    [false, false],
    [true, false],
    [true, false],
    [true, true],
  ]);
});

Deno.test("bytes are sent as they were, although the app fills its buffer anew and clients read late", async () => {
  const COUNT = 200;
  const buffer = new Uint8Array(4096);
  const app = httpApp(async (scope, _receive, send) => {
    const number = Number(scope.query_string);
    const content = buffer.subarray(0, 1 + number * 20);
    content.fill(number);
    await send({ type: "http.response.start", status: 200, headers: [] });
    // Some whole, some in parts.
    const half = number % 3 === 0 ? content.length >> 1 : 0;
    if (half > 0) {
      const first = content.subarray(0, half);
      await send({ type: "http.response.body", body: first, more: 1 });
    }
    await send({ type: "http.response.body", body: content.subarray(half) });
    buffer.fill(255);
  });
  await withServer(app, {}, async ({ connect }) => {
    const clients = await Promise.all([connect(), connect(), connect()]);
    for (let i = 0; i < COUNT; i++) {
      await clients[i % 3].request(`GET /?${i}`);
    }
    for (let i = 0; i < COUNT; i++) {
      const { body } = await clients[i % 3].response();
      assertEquals(body, String.fromCharCode(i).repeat(1 + i * 20));
    }
  });
});
