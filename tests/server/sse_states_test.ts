/**
 * Which event means what at which moment of an event stream (PAGI.md 3.5).
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import type { SendEvent } from "../../src/pagi/types.ts";
import { linesOf } from "../helpers/http_app.ts";
import { appFor, observing } from "../helpers/scope_app.ts";
import { withServer } from "../helpers/with_server.ts";

/** Every event that an sse scope knows, well formed. */
const EVENTS = {
  start: { type: "sse.start", status: 202 },
  send: { type: "sse.send", data: "S" },
  comment: { type: "sse.comment", comment: "C" },
  keepalive: { type: "sse.keepalive", interval: 0 },
  close: { type: "sse.close" },
  declineStart: { type: "sse.http.response.start", status: 403 },
  declineBody: { type: "sse.http.response.body", body: "D", more: 1 },
  fullflush: { type: "http.fullflush" },
} satisfies Record<string, SendEvent>;

type Name = keyof typeof EVENTS;
type Moment = "before" | "streaming" | "declining" | "closed";

/** What the app has sent to come to a moment, and what ends it well. */
const MOMENTS: Record<Moment, { way: SendEvent[]; end: SendEvent[] }> = {
  before: {
    way: [],
    end: [EVENTS.start, { type: "sse.send", data: "end" }],
  },
  streaming: {
    way: [{ type: "sse.start" }],
    end: [{ type: "sse.send", data: "end" }],
  },
  declining: {
    way: [{ type: "sse.http.response.start", status: 404 }],
    end: [{ type: "sse.http.response.body", body: "end" }],
  },
  closed: { way: [{ type: "sse.start" }, { type: "sse.close" }], end: [] },
};

/**
 * The rows: whether the event rejects (or what it is ignored or written), and
 * what the client gets in the end.
 */
const ROWS: Record<Moment, Partial<Record<Name, "rejects" | string>>> = {
  before: {
    start: "202 data: end\n\n",
    send: "202 data: end\n\n",
    comment: "202 data: end\n\n",
    keepalive: "202 data: end\n\n",
    declineBody: "202 data: end\n\n",
    fullflush: "rejects",
  },
  streaming: {
    start: "200 data: end\n\n",
    send: "200 data: S\n\ndata: end\n\n",
    comment: "200 :C\n\ndata: end\n\n",
    keepalive: "200 data: end\n\n",
    declineStart: "rejects",
    declineBody: "rejects",
    fullflush: "rejects",
  },
  declining: {
    start: "rejects",
    send: "rejects",
    comment: "rejects",
    keepalive: "rejects",
    close: "rejects",
    declineStart: "404 end",
    declineBody: "404 Dend",
    fullflush: "rejects",
  },
  closed: {
    start: "rejects",
    send: "rejects",
    comment: "rejects",
    keepalive: "rejects",
    close: "200 ",
    declineStart: "rejects",
    declineBody: "rejects",
    fullflush: "rejects",
  },
};

/** What a client gets when nothing but a moment's `way` and `end` are sent. */
const UNDISTURBED: Record<Moment, string> = {
  before: "202 data: end\n\n",
  streaming: "200 data: end\n\n",
  declining: "404 end",
  closed: "200 ",
};

const TITLES: Record<Moment, string> = {
  before: "before sse.start",
  streaming: "while streaming",
  declining: "while declining (PAGI.md 59)",
  closed: "after sse.close (PAGI.md 56)",
};

for (const moment of Object.keys(ROWS) as Moment[]) {
  Deno.test(`the table of events ${TITLES[moment]}`, async () => {
    const rows = Object.entries(ROWS[moment]) as [Name, string][];
    const app = appFor("sse", async (scope, _receive, send) => {
      const [name, expected] = rows[Number(scope.query_string)];
      const { way, end } = MOMENTS[moment];
      for (const event of way) await send(event);
      const outcome = await send(EVENTS[name]).then(
        () => "resolves",
        (error) => {
          assert(error instanceof TypeError);
          assert(error.message.includes(EVENTS[name].type), error.message);
          return "rejects";
        },
      );
      const wanted = expected === "rejects" ? "rejects" : "resolves";
      assertEquals(outcome, wanted, `${name} ${moment}`);
      for (const event of end) await send(event);
    });
    const log = await withServer(app, {}, async ({ connect }) => {
      for (const [i, [name, expected]] of rows.entries()) {
        const connection = await connect();
        await connection.request(`GET /?${i}`, "accept: text/event-stream");
        const { status, body } = await connection.response();
        assertEquals(
          `${status} ${body}`,
          expected === "rejects" ? UNDISTURBED[moment] : expected,
          `${name} ${moment}`,
        );
      }
    });
    assertEquals(linesOf("error", log), []);
  });
}

Deno.test("sse.close before sse.start ends with 500 and a log entry", async () => {
  const { app, result } = observing("sse", async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.close", reason: "SECRET" });
    await send({ type: "sse.close" });
    const late = await send({ type: "sse.start" }).catch((error) => error);
    return [late instanceof TypeError, (await receive()).type];
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /feed", "accept: text/event-stream");
    const { status, body } = await connection.response();
    assertEquals([status, body], [500, "Internal Server Error\n"]);
    assertEquals(await connection.rest(), "");
    assertEquals(await result, [true, "sse.disconnect"]);
  });
  const errors = linesOf("error", log);
  assertEquals(errors.length, 1);
  assert(errors[0].includes("GET /feed"));
});

Deno.test("wrong fields reject and leave the stream as it was (PAGI.md 3, 5, 6, 8, 9, 52, 53)", async () => {
  const app = appFor("sse", async (_scope, _receive, send) => {
    const bad = async (event: unknown) => {
      const error = await send(event as SendEvent).catch((error) => error);
      assert(error instanceof TypeError, JSON.stringify(event));
    };
    await bad({ type: "sse.start", status: 101 });
    await bad({ type: "sse.start", status: "200" });
    await bad({ type: "sse.start", headers: [["a", "b\r\nc: d"]] });
    await bad({ type: "sse.start", headers: [["a\r", "b"]] });
    await bad({ type: "sse.http.response.start", headers: [] });
    await bad({ type: "websocket.accept" });
    await bad({ type: "sse.nonsense" });
    await bad({});
    await send({ type: "sse.start" });
    await bad({ type: "sse.send" });
    await bad({ type: "sse.send", data: 1 });
    await bad({ type: "sse.send", data: "", event: "a\nb" });
    await bad({ type: "sse.send", data: "", event: "a\rb" });
    await bad({ type: "sse.send", data: "", id: "a\nb" });
    await bad({ type: "sse.send", data: "", retry: -1 });
    await bad({ type: "sse.send", data: "", retry: 1.5 });
    await bad({ type: "sse.comment" });
    await bad({ type: "sse.keepalive", interval: -1 });
    await bad({ type: "sse.keepalive" });
    await bad({ type: "sse.close", reason: 1 });
    await send({ type: "sse.send", data: "good", more: 1 } as SendEvent);
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", "accept: text/event-stream");
    assertEquals((await connection.response()).body, "data: good\n\n");
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that neither starts nor declines gets 500 and a log entry (PAGI.md 43)", async () => {
  const app = appFor("sse", (scope) => {
    if (scope.path === "/throw") throw new Error("app broke");
    return Promise.resolve();
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    for (const path of ["/return", "/throw"]) {
      const connection = await connect();
      await connection.request(`GET ${path}`, "accept: text/event-stream");
      const { status, body } = await connection.response();
      assertEquals([status, body], [500, "Internal Server Error\n"]);
      assertEquals(await connection.rest(), "");
    }
  });
  assertEquals(linesOf("error", log).length, 2);
});
