/** Clients that take nothing of their responses, by HTTP/2 (PAGI.md 4). */

import { FileApp } from "../../src/apps/file.ts";
import type { DisconnectReason } from "../../src/pagi/types.ts";
import { Http2Connection } from "../../src/server/http2_connection.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, type ServeHttp } from "../helpers/http_app.ts";
import { get, SETTING } from "../helpers/http2_frames.ts";
import { Http2Peer } from "../helpers/http2_peer.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay, until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** Seconds in which a client may take nothing, in these tests. */
const TIMEOUT = 0.5;
const FRAME = 16_384;
const WITHHELD = { settings: { [SETTING.INITIAL_WINDOW_SIZE]: 0 } };

const ignore = Deno.build.os !== "linux";

/** An app that collects how each of its requests has ended. */
function watched(serve: ServeHttp): {
  app: ReturnType<typeof httpApp>;
  ends: (DisconnectReason | "complete")[];
  ended(count: number): Promise<void>;
} {
  const ends: (DisconnectReason | "complete")[] = [];
  let tell = () => {};
  const app = httpApp((scope, receive, send) => {
    const connection = scope["pagi.connection"];
    const end = (how: DisconnectReason | "complete") => {
      ends.push(how);
      tell();
    };
    connection.onDisconnect(end);
    connection.onComplete(() => end("complete"));
    return serve(scope, receive, send);
  });
  return {
    app,
    ends,
    ended: (count) =>
      new Promise((resolve) => {
        tell = () => {
          if (ends.length >= count) resolve();
        };
        tell();
      }),
  };
}

/** How many descriptors of this process lead to `path`. */
function opened(path: string): number {
  const real = Deno.realPathSync(path);
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === real;
    } catch {
      return false; // Closed since.
    }
  }).length;
}

async function fileOf(size: number): Promise<Disposable & { path: string }> {
  const folder = tempFolder("pagi-stalled-");
  const path = `${folder}/file`;
  await Deno.writeFile(path, new Uint8Array(size));
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

Deno.test({
  name:
    "100 files whose windows are withheld are closed at --timeout, and the connection with them",
  ignore,
  async fn() {
    using file = await fileOf(1_000_000);
    const { app, ends, ended } = watched(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", file: file.path });
    });
    await withServer(app, { timeout: TIMEOUT }, async ({ port }) => {
      await using peer = await Http2Peer.open(port, WITHHELD);
      for (let i = 0; i < 100; i++) await peer.request(2 * i + 1, get("/"));
      await until(() => opened(file.path) >= 100);
      await ended(100);
      await peer.ended();
      await until(() => opened(file.path) === 0);
    });
    // Some went with the connection, which the first ones brought down.
    assert(ends.includes("write_timeout"));
    assert(!ends.includes("complete"));
  },
});

for (
  const [what, size] of [["a small", 1000], ["a large", 1_000_000]] as const
) {
  Deno.test({
    name:
      `${what} whole body that nobody takes is given up, pings or not, and a stream beside it goes on`,
    ignore,
    async fn() {
      const { app } = watched(async (scope, _receive, send) => {
        await send({ type: "http.response.start", status: 200 });
        if (scope.path === "/held") {
          const body = new Uint8Array(size);
          return await send({ type: "http.response.body", body });
        }
        // As an event stream: it waits for its app, not for its client.
        await send({ type: "http.response.body", body: "begun", more: 1 });
        await given.promise;
        await send({ type: "http.response.body", body: ", done" });
      });
      const HELD = 5;
      // Small bodies are sampled: these are.
      const { random } = Math;
      Math.random = () => 0;
      using _ = { [Symbol.dispose]: () => void (Math.random = random) };
      const given = Promise.withResolvers<void>();
      const log = await withServer(
        app,
        { timeout: TIMEOUT },
        async ({ port, log }) => {
          await using peer = await Http2Peer.open(port, WITHHELD);
          await peer.request(1, get("/live"));
          await peer.open(1, FRAME);
          // One by one: none is given up together with all others.
          await peer.request(3, get("/held"));
          let stream = 3;
          while (!log.some((line) => line.includes("/held was broken off"))) {
            assert(await peer.ping());
            if (stream < 2 * HELD) {
              await peer.request(stream += 2, get("/held"));
            }
            await delay(5);
          }
          given.resolve();
        },
      );
      assertStringIncludes(
        log.join(""),
        "/held was broken off: the client took nothing",
      );
    },
  });
}

Deno.test({
  name: "a client that takes a frame now and then is never cut",
  ignore,
  async fn() {
    const FRAMES = 12;
    const { app, ends } = watched(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      const body = new Uint8Array(FRAMES * FRAME);
      await send({ type: "http.response.body", body });
    });
    await withServer(app, { timeout: 1 }, async ({ port }) => {
      await using peer = await Http2Peer.open(port, WITHHELD);
      await peer.request(1, get("/"));
      for (let i = 0; i < FRAMES; i++) {
        await delay(120);
        await peer.open(0, FRAME);
        await peer.open(1, FRAME);
      }
      assertEquals((await peer.answer(1)).body.length, FRAMES * FRAME);
    });
    assertEquals(ends, ["complete"]);
  },
});

Deno.test({
  name: "pings keep no connection open on which nobody asks for anything",
  ignore,
  async fn() {
    const { app } = watched(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 204 });
      await send({ type: "http.response.body" });
    });
    await withServer(app, { timeout: TIMEOUT }, async ({ port }) => {
      await using never = await Http2Peer.open(port);
      await using once = await Http2Peer.open(port);
      await once.ask(1, get("/"));
      await Promise.all([never, once].map(async (peer) => {
        while (await peer.ping()) {
          await delay(20);
        }
      }));
    });
  },
});

Deno.test({
  name:
    "a connection for which too many bytes wait is dropped, a single large body is not",
  ignore,
  async fn() {
    const MIB = 1 << 20;
    const { app } = watched(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({
        type: "http.response.body",
        body: new Uint8Array(70 * MIB),
      });
    });
    await withServer(app, { timeout: 0 }, async ({ port }) => {
      await using peer = await Http2Peer.open(port, WITHHELD);
      await peer.request(1, get("/"));
      assert(await peer.ping());
      await peer.request(3, get("/"));
      await peer.ended();
    });
  },
});

Deno.test({
  name:
    "slow readers of a large file hold one descriptor each beside their connections, and are gone at --timeout",
  ignore,
  async fn() {
    using file = await fileOf(20_000_000);
    const root = file.path.slice(0, file.path.lastIndexOf("/"));
    const READERS = 20;
    const app = new FileApp({ root }).toApp();
    // The last must have asked before the first is gone.
    await withServer(app, { timeout: 4 }, async ({ connect }) => {
      const readers = await Promise.all(
        Array.from({ length: READERS }, async () => {
          const reader = await connect();
          await reader.request("GET /file");
          return reader;
        }),
      );
      // Each read takes another one, for as long as it lasts.
      await until(() => opened(file.path) === READERS);
      await until(() => opened(file.path) === 0);
      for (const reader of readers) await reader.ended();
    });
  },
});

Deno.test("small bodies are sent as streams in proportion to what they hold, all of them once one has stalled", () => {
  const { random } = Math;
  using _ = { [Symbol.dispose]: () => void (Math.random = random) };
  const address: Deno.Addr = { transport: "tcp", hostname: "::1", port: 1 };
  const connection = new Http2Connection(address, true);
  Math.random = () => 1 / 128;
  assert(!connection.wantsStream(16));
  assert(connection.wantsStream(FRAME));
  connection.givenUp++;
  assert(connection.wantsStream(16));
  connection.givenUp--;
  Math.random = () => 1 / 512;
  assert(connection.wantsStream(16));
  Math.random = () => 1;
  assert(!connection.wantsStream(FRAME));
  assert(connection.wantsStream(FRAME + 1));
});
