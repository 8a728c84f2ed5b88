/**
 * Heads that are too big, and what they do to their connection.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import { httpApp, reply } from "../../helpers/http_app.ts";
import {
  block,
  type Fields,
  FLAG,
  frame,
  get,
  integer,
  joined,
  text,
  TYPE,
} from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { withServer } from "../../helpers/with_server.ts";

const app = httpApp(async (_scope, _receive, send) => await reply(send, "ok"));

function fields(count: number, size: number): Fields {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, "v".repeat(size)]);
}

Deno.test("a head over the limits is refused alone: the streams beside it go on (PAGI.md 98)", async (t) => {
  const finish = Promise.withResolvers<void>();
  const inside = Promise.withResolvers<void>();
  const waiting = httpApp(async (scope, _receive, send) => {
    if (scope.path === "/slow") {
      inside.resolve();
      await finish.promise;
    }
    await reply(send, "ok");
  });
  await withServer(
    waiting,
    {},
    async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      await peer.request(1, get("/slow"));
      await inside.promise;
      let stream = 3;
      for (
        const [title, request, status] of [
          ["a long path", get("/" + "a".repeat(9000)), "414"],
          ["a long query", get("/?" + "a".repeat(9000)), "414"],
          ["a long field", get("/", [["x-long", "v".repeat(9000)]]), "431"],
          ["many fields", get("/", fields(101, 1)), "431"],
          ["fields that are long together", get("/", fields(90, 100)), "431"],
        ] as const
      ) {
        await t.step(`${title} gets ${status}`, async () => {
          assertEquals((await peer.ask(stream, request)).outcome, status);
          stream += 2;
        });
      }
      assertEquals((await peer.ask(stream, get("/after"))).body, "ok");
      finish.resolve();
      assertEquals((await peer.answer(1)).body, "ok");
    },
  );
});

Deno.test("a head over 16 KiB gets 431 from the engine, and the app is not called", async () => {
  let called = 0;
  const counting = httpApp(async (_scope, _receive, send) => {
    called++;
    await reply(send);
  });
  const settings = { maxHeaderSize: 60_000, maxHeaderCount: 120 };
  await withServer(counting, settings, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    assertEquals(
      (await peer.ask(1, get("/", fields(15, 1000)))).outcome,
      "200",
    );
    // As frames of 16 KiB allow no more, in two of them.
    const bytes = block(get("/", fields(20, 1000)));
    await peer.send(
      frame(TYPE.HEADERS, FLAG.END_STREAM, 3, bytes.slice(0, 16000)),
      frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 3, bytes.slice(16000)),
    );
    assertEquals((await peer.answer(3)).outcome, "431");
    assertEquals([await peer.ping(), called], [true, 1]);
  });
});

for (
  const [title, part] of [
    ["CONTINUATION frames", block([["x-one", "v".repeat(1000)]])],
    ["empty CONTINUATION frames", new Uint8Array(0)],
  ] as const
) {
  Deno.test(`${title} without end end the connection (CVE-2024-27316)`, async () => {
    await withServer(app, {}, async ({ port }) => {
      await using peer = await Http2Peer.open(port);
      await peer.send(frame(TYPE.HEADERS, FLAG.END_STREAM, 1, block(get("/"))));
      const more = Array(100).fill(frame(TYPE.CONTINUATION, 0, 1, part));
      for (let i = 0; i < 100 && !peer.isOver; i++) await peer.send(...more);
      assertEquals(await peer.goneAway(), "ENHANCE_YOUR_CALM");
    });
  });
}

Deno.test("a field kept once and named thousands of times does not unfold (header bomb)", async () => {
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    // A literal to be kept (RFC 7541, 6.2.1), of nearly the table's 4 KiB …
    const value = "v".repeat(4000);
    const bomb = joined([
      block(get("/")),
      Uint8Array.of(0x40, 1, "x".charCodeAt(0)),
      integer(value.length, 7),
      text(value),
      // … and then named by its index: 12,000 times 4 KB in 12 KB.
      new Uint8Array(12_000).fill(0x80 | 62),
    ]);
    const flags = FLAG.END_HEADERS | FLAG.END_STREAM;
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 20; i++) {
      await peer.send(frame(TYPE.HEADERS, flags, 2 * i + 1, bomb));
      const { outcome } = await peer.answer(2 * i + 1);
      assertEquals(outcome, "431");
    }
    const grown = (Deno.memoryUsage().rss - before) / 2 ** 20;
    assert(grown < 100, `${grown} MiB more`);
    assertEquals((await peer.ask(99, get("/"))).body, "ok");
  });
});
