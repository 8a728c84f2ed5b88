/**
 * Clients that make work on purpose: resets, and frames that ask for answers.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import { httpApp, linesOf, reply } from "../../helpers/http_app.ts";
import {
  block,
  FLAG,
  frame,
  get,
  post,
  TYPE,
  words,
} from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { withServer } from "../../helpers/with_server.ts";

const CANCEL = words(8);
const WHOLE = FLAG.END_HEADERS | FLAG.END_STREAM;

/** Requests on `count` streams from `first` on, each as one frame. */
function requests(first: number, count: number): Uint8Array[] {
  const head = block(get("/reset"));
  return Array.from(
    { length: count },
    (_, i) => frame(TYPE.HEADERS, WHOLE, first + 2 * i, head),
  );
}

function resets(first: number, count: number): Uint8Array[] {
  return Array.from(
    { length: count },
    (_, i) => frame(TYPE.RST_STREAM, 0, first + 2 * i, CANCEL),
  );
}

Deno.test("rapid reset: requests and their resets at once end the connection, and the app is not called (CVE-2023-44487)", async () => {
  let called = 0;
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/reset") called++;
    await reply(send, "ok");
  });
  await withServer(app, {}, async ({ port }) => {
    await using other = await Http2Peer.open(port);
    await using peer = await Http2Peer.open(port);
    let sent = 0;
    for (; sent < 10_000 && !peer.isOver; sent += 100) {
      const ends = resets(2 * sent + 1, 100);
      await peer.send(
        ...requests(2 * sent + 1, 100).flatMap((head, i) => [head, ends[i]]),
      );
    }
    assertEquals(await peer.goneAway(), "ENHANCE_YOUR_CALM");
    assert(called < 100, `the app was called ${called} times`);
    assertEquals((await other.ask(1, get("/"))).body, "ok");
  });
});

Deno.test("rapid reset: a client that lets each request begin makes 1000 run, and loses its connection", async () => {
  let running = 0;
  let most = 0;
  const end = Promise.withResolvers<void>();
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/reset") {
      most = Math.max(most, ++running);
      await end.promise;
      running--;
    }
    await reply(send, "ok");
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using other = await Http2Peer.open(port);
    await using peer = await Http2Peer.open(port);
    let sent = 0;
    for (; sent < 10_000 && !peer.isOver; sent += 100) {
      await peer.send(...requests(2 * sent + 1, 100));
      if (!await peer.ping()) break;
      await peer.send(...resets(2 * sent + 1, 100));
    }
    await peer.ended();
    end.resolve();
    assertEquals(most, 1000);
    assert(sent < 2000, `${sent} requests were sent`);
    assertEquals((await other.ask(1, get("/"))).body, "ok");
  });
  assertEquals(running, 0);
  assertEquals(linesOf("error", log), []);
});

Deno.test("rapid reset: an app that ends with its client is called each time, and nothing stays", async () => {
  let called = 0;
  let running = 0;
  let most = 0;
  const app = httpApp(async (_scope, receive) => {
    called++;
    most = Math.max(most, ++running);
    while ((await receive()).type !== "http.disconnect");
    running--;
  });
  const log = await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    for (let sent = 0; sent < 5000; sent += 100) {
      await peer.send(...requests(2 * sent + 1, 100));
      assert(await peer.ping());
      await peer.send(...resets(2 * sent + 1, 100));
      assert(await peer.ping());
    }
  });
  assertEquals([called, running], [5000, 0]);
  assert(most <= 200, `${most} ran at a time`);
  assertEquals(linesOf("error", log), []);
});

for (
  const [title, flood] of [
    ["PING", frame(TYPE.PING, 0, 0, words(1, 2))],
    ["SETTINGS", frame(TYPE.SETTINGS, 0, 0)],
    ["PRIORITY", frame(TYPE.PRIORITY, 0, 3, Uint8Array.of(0, 0, 0, 0, 9))],
    ["unknown", frame(99, 0, 0, words(1))],
    ["WINDOW_UPDATE", frame(TYPE.WINDOW_UPDATE, 0, 0, words(1))],
  ] as const
) {
  Deno.test(`a flood of ${title} frames does not keep other connections from being served`, async () => {
    const app = httpApp(async (_scope, _receive, send) => {
      await reply(send, "ok");
    });
    await withServer(app, {}, async ({ port }) => {
      await using other = await Http2Peer.open(port);
      await using peer = await Http2Peer.open(port);
      const before = Deno.memoryUsage().rss;
      for (let i = 0; i < 10 && !peer.isOver; i++) {
        await peer.send(...Array(1000).fill(flood));
        const { body } = await other.ask(2 * i + 1, get("/"));
        assertEquals(body, "ok");
      }
      const grown = (Deno.memoryUsage().rss - before) / 2 ** 20;
      assert(grown < 100, `${grown} MiB more`);
    });
  });
}

Deno.test("a flood of empty DATA frames calls the app once, with nothing", async () => {
  const parts: number[] = [];
  const app = httpApp(async (_scope, receive, send) => {
    for (let more = 1; more;) {
      const event = await receive();
      if (event.type !== "http.request") return;
      parts.push(event.body.length);
      more = event.more;
    }
    await reply(send, "ok");
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    await peer.request(1, post("/"), true);
    await peer.send(...Array(10_000).fill(frame(TYPE.DATA, 0, 1)));
    await peer.data(1, "");
    assertEquals((await peer.answer(1)).outcome, "200");
    assertEquals(parts, [0]);
  });
});
