/**
 * Messages on streams: bodies, lengths, trailers, and many at a time.
 *
 * @module
 */

import { assertEquals } from "../../../src/std/assert.ts";
import { httpApp, readBody, reply } from "../../helpers/http_app.ts";
import {
  block,
  FLAG,
  frame,
  get,
  post,
  text,
  TYPE,
  words,
} from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { withServer } from "../../helpers/with_server.ts";

/** Answers with the request's body. */
const echo = httpApp(async (_scope, receive, send) => {
  await reply(send, await readBody(receive));
});

Deno.test("each stream is a scope of its own, answered in any order (PAGI.md 76)", async () => {
  const handles = new Set<unknown>();
  const second = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    handles.add(scope["pagi.connection"]);
    if (scope.path === "/1") await second.promise;
    await reply(send, scope.path);
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, get("/1"));
    assertEquals((await peer.ask(3, get("/3"))).body, "/3");
    second.resolve();
    assertEquals((await peer.answer(1)).body, "/1");
    assertEquals(handles.size, 2);
  });
});

Deno.test("200 streams may be open; one more is refused, and may be sent again", async () => {
  let running = 0;
  const full = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, _receive, send) => {
    if (++running === 200) full.resolve();
    await finish.promise;
    await reply(send);
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    for (let i = 0; i < 200; i++) await peer.request(2 * i + 1, get("/"));
    await full.promise;
    const { outcome } = await peer.ask(401, get("/"));
    assertEquals([outcome, running], ["reset REFUSED_STREAM", 200]);
    finish.resolve();
    for (let i = 0; i < 200; i++) {
      assertEquals((await peer.answer(2 * i + 1)).outcome, "200");
    }
    assertEquals((await peer.ask(403, get("/"))).outcome, "200");
  });
});

Deno.test("a body arrives whole, with padding, empty frames and trailers left out", async () => {
  await withServer(echo, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/"), true);
    await peer.data(1, "one ", true);
    await peer.data(1, "", true);
    const padded = 8;
    await peer.send(frame(TYPE.DATA, padded, 1, text("\x03two\0\0\0")));
    const trailers = block([["x-sum", "1"]]);
    const flags = FLAG.END_HEADERS | FLAG.END_STREAM;
    await peer.send(frame(TYPE.HEADERS, flags, 1, trailers));
    assertEquals(await peer.answer(1), { outcome: "200", body: "one two" });
  });
});

Deno.test("a field of the connection in trailers breaks the body; the engine lets pseudo-header fields vanish with them", async () => {
  const { promise: ending, resolve: ended } = Promise.withResolvers<unknown>();
  const app = httpApp(async (scope, receive, send) => {
    if (scope.path === "/whole") {
      return await reply(send, await readBody(receive));
    }
    await receive();
    ended(await receive());
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/broken"), true);
    await peer.data(1, "one", true);
    await peer.request(1, [["connection", "close"]]);
    assertEquals((await peer.answer(1)).outcome, "reset PROTOCOL_ERROR");
    assertEquals(await ending, { type: "http.disconnect" });
    await peer.request(3, post("/whole"), true);
    await peer.data(3, "one", true);
    await peer.request(3, [[":path", "/other"]]);
    assertEquals((await peer.answer(3)).body, "one");
  });
});

for (
  const [title, length, parts] of [
    ["more than it says", 3, ["four"]],
    ["less than it says", 5, ["four"]],
    ["more in several pieces", 5, ["four", "more"]],
  ] as const
) {
  Deno.test(`a body of ${title} is malformed, and not taken for whole (RFC 9113, 8.1.1)`, async () => {
    let whole = false;
    const app = httpApp(async (_scope, receive, send) => {
      for (let more = 1; more;) {
        const event = await receive();
        if (event.type !== "http.request") return;
        more = event.more;
      }
      whole = true;
      await reply(send);
    });
    await withServer(app, {}, async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      const fields = post("/", [["content-length", String(length)]]);
      await peer.request(1, fields, true);
      for (const [i, part] of parts.entries()) {
        await peer.data(1, part, i < parts.length - 1);
      }
      assertEquals((await peer.answer(1)).outcome, "reset PROTOCOL_ERROR");
      assertEquals((await peer.ping(), whole), false);
    });
  });
}

Deno.test("a body over the limit gets 413, and its connection goes on (PAGI.md 97)", async () => {
  await withServer(echo, { maxBodySize: 10 }, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    const fields = post("/", [["content-length", "11"]]);
    await peer.request(1, fields, true);
    assertEquals((await peer.answer(1)).outcome, "413");
    // The same, of a length that nobody announced.
    await peer.request(3, post("/"), true);
    await peer.data(3, "x".repeat(11), true);
    assertEquals((await peer.answer(3)).outcome, "413");
    await peer.request(5, post("/"), true);
    await peer.data(5, "x".repeat(10));
    assertEquals((await peer.answer(5)).outcome, "200");
  });
});

Deno.test("HEAD, 204 and 304 end with their heads", async () => {
  const app = httpApp((scope, _receive, send) =>
    reply(send, "body", [], Number(scope.path.slice(1)))
  );
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    const head = get("/200").with(0, [":method", "HEAD"]);
    assertEquals(await peer.ask(1, head), { outcome: "200", body: "" });
    for (const [i, status] of ["204", "304"].entries()) {
      const answer = await peer.ask(2 * i + 3, get(`/${status}`));
      assertEquals(answer, { outcome: status, body: "" });
    }
    const bodies = peer.frames.filter(({ type, payload }) =>
      type === TYPE.DATA && payload.length > 0
    );
    assertEquals(bodies, []);
  });
});

Deno.test("a body that waits for 100 Continue is taken, though the engine sends none over HTTP/2", async () => {
  const asked = Promise.withResolvers<void>();
  const app = httpApp(async (_scope, receive, send) => {
    const body = readBody(receive);
    asked.resolve();
    await reply(send, await body);
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/", [["expect", "100-continue"]]), true);
    await asked.promise;
    await peer.ping();
    assertEquals(peer.status(1), null);
    await peer.data(1, "body");
    assertEquals(await peer.answer(1), { outcome: "200", body: "body" });
  });
});

Deno.test("an answer without the body's end lets the client stop sending it (RFC 9113, 8.1)", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send, "enough"));
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/"), true);
    assertEquals(await peer.answer(1), { outcome: "200", body: "enough" });
    await peer.first(({ stream, type, payload }) =>
      stream === 1 && type === TYPE.RST_STREAM && payload[3] === 0
    );
    await peer.data(1, "late", true);
    assertEquals((await peer.ask(3, get("/"))).body, "enough");
  });
});

Deno.test("priorities change nothing, and a stream cannot depend on itself", async () => {
  await withServer(echo, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    const priority = (stream: number, on: number) =>
      frame(TYPE.PRIORITY, 0, stream, Uint8Array.of(...words(on), 200));
    await peer.send(priority(1, 3), priority(3, 1), priority(7, 0));
    assertEquals((await peer.ask(1, get("/"))).outcome, "200");
    await peer.send(priority(9, 9));
    assertEquals((await peer.answer(9)).outcome, "reset PROTOCOL_ERROR");
  });
});
