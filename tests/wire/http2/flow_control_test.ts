/**
 * Clients that do not take what is sent to them, and bodies nobody reads.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import { httpApp, readBody, reply } from "../../helpers/http_app.ts";
import { frame, get, post, SETTING, TYPE } from "../../helpers/http2_frames.ts";
import { Http2Peer } from "../../helpers/http2_peer.ts";
import { withServer } from "../../helpers/with_server.ts";

const PIECE = 65536;
const PIECES = 40;

Deno.test("a window that never opens holds up its app, in bounded memory, and no other stream", async () => {
  const sent: number[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    const stream = Number(scope.path.slice(1));
    sent[stream] = 0;
    await send({ type: "http.response.start", status: 200 });
    for (let i = 0; i < PIECES; i++) {
      const body = new Uint8Array(PIECE);
      await send({ type: "http.response.body", body, more: 1 });
      sent[stream] += PIECE;
    }
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port, {
      settings: { [SETTING.INITIAL_WINDOW_SIZE]: 0 },
    });
    await peer.open(0, 2 ** 30);
    for (const stream of [1, 3, 5]) {
      await peer.request(stream, get(`/${stream}`));
    }
    await peer.open(5, 2 ** 30);
    assertEquals((await peer.answer(5)).body.length, PIECES * PIECE);
    // The engine holds 400 KiB of a stream, the server the high mark.
    for (const stream of [1, 3]) {
      assert(sent[stream] <= 600_000, `${sent[stream]} bytes were taken`);
    }
    await peer.open(1, 2 ** 30);
    assertEquals((await peer.answer(1)).body.length, PIECES * PIECE);
    assertEquals(peer.body(3), "");
    await peer.reset(3);
  });
});

Deno.test("--request-timeout gives up a stream whose window does not open", async () => {
  const reason = Promise.withResolvers<string>();
  const app = httpApp(async (scope, _receive, send) => {
    scope["pagi.connection"].onDisconnect(reason.resolve);
    await send({ type: "http.response.start", status: 200 });
    while (scope["pagi.connection"].isConnected()) {
      const body = new Uint8Array(PIECE);
      await send({ type: "http.response.body", body, more: 1 });
    }
  });
  await withServer(app, { requestTimeout: 0.3 }, async ({ port }) => {
    await using peer = await Http2Peer.open(port, {
      settings: { [SETTING.INITIAL_WINDOW_SIZE]: 0 },
    });
    await peer.request(1, get("/"));
    assertEquals(await reason.promise, "client_timeout");
    assertEquals(await peer.ping(), true);
  });
});

Deno.test("a body that nobody reads holds up the connection's other bodies until it is answered", async () => {
  const answer = Promise.withResolvers<void>();
  const app = httpApp(async (scope, receive, send) => {
    if (scope.path === "/unread") await answer.promise;
    else await readBody(receive);
    await reply(send, scope.path);
  });
  await withServer(app, {}, async ({ port }) => {
    await using peer = await Http2Peer.open(port);
    const part = new Uint8Array(16384);
    await peer.request(1, post("/unread"), true);
    // All that the connection's window allows: 1 MiB.
    for (let i = 0; i < 64; i++) await peer.send(frame(TYPE.DATA, 0, 1, part));
    await peer.ping();
    const opened = () =>
      peer.frames.filter(({ type, stream }) =>
        type === TYPE.WINDOW_UPDATE && stream === 0
      ).length;
    assertEquals(opened(), 1); // with the settings
    answer.resolve();
    assertEquals((await peer.answer(1)).outcome, "200");
    await peer.first(({ type, stream, payload }) =>
      type === TYPE.WINDOW_UPDATE && stream === 0 && payload[1] > 0x0f
    );
    await peer.request(3, post("/read"), true);
    await peer.data(3, "body");
    assertEquals((await peer.answer(3)).body, "/read");
  });
});
