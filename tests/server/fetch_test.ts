/**
 * What a fetch handler gets, and what becomes of what it gives.
 *
 * @module
 */

import { fetchApp } from "../../src/loader/fetch_app.ts";
import { newCounters, RequestCounters } from "../../src/metrics/counters.ts";
import { CounterSums } from "../../src/metrics/threads.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { FetchHandler } from "../../src/pagi/fetch.ts";
import { appInMode } from "../../src/process/hosted_app.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { Server } from "../../src/server/server.ts";
import { linesOf } from "../helpers/http_app.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

function serving(
  fetch: FetchHandler["fetch"],
  settings: Partial<Settings>,
  body: (test: TestServer) => Promise<void>,
): Promise<string[]> {
  return withServer(
    fetchApp({ fetch }),
    { lifespan: "off", ...settings },
    body,
  );
}

const whoAsks: FetchHandler["fetch"] = (request, { remoteAddr }) =>
  Response.json([request.url, "hostname" in remoteAddr && remoteAddr.hostname]);

Deno.test("a handler learns the client and the scheme that a trusted proxy tells", async () => {
  const headers = {
    "x-forwarded-for": "192.0.2.7",
    "x-forwarded-proto": "https",
  };
  const trusted = { proxyHeaders: true, trustedProxies: ["127.0.0.1"] };
  await serving(whoAsks, trusted, async ({ url, port }) => {
    const told = await (await fetch(`${url}/a?b`, { headers })).json();
    assertEquals(told, [`https://127.0.0.1:${port}/a?b`, "192.0.2.7"]);
    const own = await (await fetch(`${url}/a?`)).json();
    assertEquals(own, [`http://127.0.0.1:${port}/a?`, "127.0.0.1"]);
    const host = { "x-forwarded-host": "example.com" };
    const named = await (await fetch(`${url}/a`, { headers: host })).json();
    assertEquals(named, ["http://example.com/a", "127.0.0.1"]);
  });
  await serving(whoAsks, {}, async ({ url, port }) => {
    const own = await (await fetch(url, { headers })).json();
    assertEquals(own, [`http://127.0.0.1:${port}/`, "127.0.0.1"]);
  });
});

Deno.test("a handler sees a URL of http on a Unix socket", async () => {
  const folder = tempFolder("pagi fetch ");
  const socket = `${folder}/s`;
  try {
    await serving(
      (request) => new Response(request.url),
      { socket },
      async ({ connect }) => {
        const client = await connect();
        await client.request("GET /a?b");
        const { body } = await client.response();
        assert(/^http:\/\/[^/]+\/a\?b$/.test(body), body);
      },
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("`completed` settles with the answer", async () => {
  let completed: Promise<void> | undefined;
  const log = await serving(
    (request, info) => {
      completed = info.completed;
      return request.url.endsWith("/fail")
        ? new Response(
          new ReadableStream({
            pull: () => Promise.reject(new Error("on purpose")),
          }),
        )
        : new Response("well");
    },
    {},
    async ({ url }) => {
      await (await fetch(url)).text();
      await completed;
      await assertRejects(async () =>
        await (await fetch(`${url}/fail`)).text()
      );
      await completed;
    },
  );
  assertStringIncludes(linesOf("error", log).join(), "GET /fail: the app thr");
});

Deno.test("`completed` settles with an answer that was promised, and `request.signal` stays", async () => {
  const completed: Promise<void>[] = [];
  const signals: AbortSignal[] = [];
  const handler: FetchHandler["fetch"] = async (request, info) => {
    await Promise.resolve();
    completed.push(info.completed);
    signals.push(request.signal);
    return request.url.endsWith("/stream")
      ? new Response(ReadableStream.from([new Uint8Array(9)]))
      : new Response("well");
  };
  await serving(handler, {}, async ({ url }) => {
    for (const path of ["/", "/stream", "/", "/stream"]) {
      await (await fetch(url + path)).arrayBuffer();
    }
    await Promise.all(completed);
    assertEquals(signals.map(({ aborted }) => aborted), Array(4).fill(false));
  });
});

Deno.test("a handler sees the URL as it was sent, whatever the root path", async () => {
  await serving(whoAsks, { rootPath: "/api" }, async ({ url, port }) => {
    for (const path of ["/a", "/a?b=c"]) {
      const [seen] = await (await fetch(url + path)).json();
      assertEquals(seen, `http://127.0.0.1:${port}${path}`);
    }
  });
});

Deno.test("`request.signal` aborts when the client leaves a stream, and when time is up", async () => {
  const aborted: Record<string, PromiseWithResolvers<void>> = {
    "/stream": Promise.withResolvers(),
    "/never": Promise.withResolvers(),
  };
  const log = await serving(
    ({ url, signal }) => {
      const { pathname } = new URL(url);
      signal.addEventListener("abort", () => aborted[pathname].resolve());
      return pathname === "/stream"
        ? new Response(
          new ReadableStream({
            pull: (body) => body.enqueue(new Uint8Array(9)),
          }),
        )
        : new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        );
    },
    { timeout: 0.2 },
    async ({ connect }) => {
      const leaving = await connect();
      await leaving.request("GET /stream");
      await leaving.until("\r\n\r\n");
      leaving.close();
      await aborted["/stream"].promise;
      const waiting = await connect();
      await waiting.request("GET /never");
      assertEquals((await waiting.response()).status, 503);
      await aborted["/never"].promise;
    },
  );
  assertEquals(linesOf("error", log), []);
});

for (
  const [how, source, reads] of [
    ["its second stream at once", { pull: give }, false],
    ["a stream that was whole from the start", {
      start(body) {
        for (let i = 0; i < 200; i++) give(body, 1 << 16);
        body.close();
      },
    }, true],
  ] as [string, UnderlyingDefaultSource<Uint8Array<ArrayBuffer>>, boolean][]
) {
  Deno.test(`\`request.signal\` aborts when a client leaves ${how}`, async () => {
    const aborted = Promise.withResolvers<void>();
    const log = await serving(
      ({ url, signal }) => {
        if (!url.endsWith("/stream")) return new Response("well");
        signal.addEventListener("abort", () => aborted.resolve());
        return new Response(new ReadableStream(source));
      },
      {},
      async ({ connect }) => {
        const client = await connect();
        await client.request("GET /");
        await client.response();
        await client.request("GET /stream");
        if (reads) await client.until("\r\n\r\n");
        client.close();
        await aborted.promise;
      },
    );
    assertEquals(linesOf("error", log), []);
  });
}

/** Enqueues a chunk. */
function give(
  body: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
  size = 9,
): void {
  body.enqueue(new Uint8Array(size));
}

Deno.test("a stream that fails at once is told of in the log", async () => {
  const log = await serving(
    ({ url }) =>
      url.endsWith("/stream")
        ? new Response(
          new ReadableStream({
            pull: () => Promise.reject(new Error("on purpose")),
          }),
        )
        : new Response("well"),
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      await client.response();
      await client.request("GET /stream");
      await client.drain();
    },
  );
  assertStringIncludes(
    linesOf("error", log).join(),
    "GET /stream: the app thr",
  );
});

Deno.test("a request whose handler has yet to answer is in flight from the first", async () => {
  const called = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const handler = (request: Request): Response | Promise<Response> => {
    if (!request.url.endsWith("/late")) return new Response("known host");
    called.resolve();
    return answer.promise;
  };
  await serving(handler, {}, async ({ server, connect }) => {
    const client = await connect();
    await client.request("GET /");
    assertEquals((await client.response()).body, "known host");
    await client.request("GET /late");
    await called.promise;
    assertEquals(server.occupiedPeers().length, 1);
    const stopped = server.stop();
    answer.resolve(new Response("late"));
    const { body, headers } = await client.response();
    assertEquals([body, headers.get("connection")], ["late", "close"]);
    await stopped;
  });
});

for (
  const [what, ms, response] of [
    ["comes when it is watched", 150, () => new Response("late")],
    ["has a status of its own", 20, () => new Response("", { status: 201 })],
  ] as const
) {
  Deno.test(`metrics of a busy thread time a promised answer that ${what}`, async () => {
    const counters = new RequestCounters(newCounters());
    for (let i = 0; i < 2000; i++) counters.begin();
    counters.look();
    while (counters.begin() === 0);
    const app = fetchApp({
      async fetch() {
        await delay(ms);
        return response();
      },
    });
    const settings = { port: 0, noAccessLog: true, lifespan: "off" } as const;
    const server = new Server(app, resolveSettings(settings), { counters });
    await server.start();
    try {
      // The first one teaches which fields are plain.
      for (let i = 0; i < 2; i++) {
        await (await fetch(server.urls[0])).text();
      }
    } finally {
      await server.stop();
    }
    const sums = new CounterSums();
    sums.add(counters.memory);
    const [durations] = sums.series.values();
    assert(durations.at(-1)! >= 1.9 * ms / 1000, `${durations.at(-1)} s`);
  });
}

Deno.test("promises of a handler may settle in any order, and with anything", async () => {
  const waiting = new Map<string, PromiseWithResolvers<Response>>();
  const all = Promise.withResolvers<void>();
  const paths = ["/a", "/b", "/c", "/d", "/e"];
  const handler = (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    const later = Promise.withResolvers<Response>();
    if (pathname === "/") return Promise.resolve(new Response("known host"));
    waiting.set(pathname, later);
    if (waiting.size === paths.length) all.resolve();
    return later.promise;
  };
  const log = await serving(handler, {}, async ({ server, connect }) => {
    const clients = await Promise.all(paths.map(() => connect()));
    await clients[0].request("GET /");
    await clients[0].response();
    await Promise.all(
      clients.map((client, i) => client.request(`GET ${paths[i]}`)),
    );
    await all.promise;
    waiting.get("/c")!.resolve(new Response("c", { status: 418 }));
    waiting.get("/a")!.reject(new Error("a fails"));
    waiting.get("/e")!.resolve(new Response("e"));
    waiting.get("/d")!.resolve(undefined as unknown as Response);
    waiting.get("/b")!.resolve(Response.json("b"));
    const statuses = await Promise.all(
      clients.map(async (client) => (await client.response()).status),
    );
    assertEquals(statuses, [500, 200, 418, 500, 200]);
    assertEquals(server.occupiedPeers(), []);
  });
  const errors = linesOf("error", log).join();
  assertStringIncludes(errors, "GET /a: the app threw");
  assertStringIncludes(errors, "GET /d: the app threw");
});

Deno.test("what a handler gives that is no response makes a 500, and a sentence", async () => {
  const used = new Response("used");
  await used.text();
  const given: Record<string, () => unknown> = {
    "no Response but an object": () => ({}),
    "no Response but undefined": () => undefined,
    "Response.error()": () => Response.error(),
    "status 101 without an upgrade": () => new Response(null, { status: 101 }),
    "whose body was already read": () => used,
    "3 of 10 bytes": () =>
      new Response("abc", { headers: { "content-length": "10" } }),
    "content-length must be one number": () =>
      new Response("abc", { headers: { "content-length": "x" } }),
  };
  const sentences = Object.keys(given);
  let calls = 0;
  const log = await serving(
    (request) => {
      calls++;
      const index = Number(new URL(request.url).search.slice(1));
      return given[sentences[index]]() as Response;
    },
    {},
    async ({ url }) => {
      for (const index of sentences.keys()) {
        const response = await fetch(`${url}/?${index}`);
        assertEquals(response.status, 500);
        assertEquals(await response.text(), "Internal Server Error\n");
      }
    },
  );
  assertEquals(calls, sentences.length);
  const errors = linesOf("error", log);
  for (const [index, sentence] of sentences.entries()) {
    assertStringIncludes(errors[index], sentence);
  }
});

Deno.test("a file's readable, a redirect and what fetch gave are answers", async () => {
  const folder = tempFolder("pagi fetch ");
  Deno.writeTextFileSync(`${folder}/f`, "from a file");
  const fields = { header: [["x-more", "1"]] as [string, string][] };
  try {
    for (const settings of [{}, fields]) {
      await serving(
        async (request) => {
          const { pathname, origin } = new URL(request.url);
          switch (pathname) {
            case "/file":
              return new Response((await Deno.open(`${folder}/f`)).readable);
            case "/away":
              return Response.redirect(`${origin}/file`);
            default:
              return await fetch(`${origin}/file`);
          }
        },
        settings,
        async ({ url }) => {
          for (const path of ["/file", "/away", "/proxied"]) {
            const response = await fetch(url + path);
            assertEquals(await response.text(), "from a file", path);
            const more = "header" in settings ? "1" : null;
            assertEquals(response.headers.get("x-more"), more);
          }
        },
      );
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a handler may go on reading after its response", async () => {
  const read = Promise.withResolvers<number>();
  await serving(
    (request) => {
      request.arrayBuffer().then(
        (bytes) => read.resolve(bytes.byteLength),
        read.reject,
      );
      return new Response("accepted", { status: 202 });
    },
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.request("POST /", "content-length: 200000");
      await client.send("x".repeat(100_000));
      assertEquals((await client.response()).status, 202);
      await client.send("x".repeat(100_000));
      assertEquals(await read.promise, 200_000);
    },
  );
});

Deno.test("a WebSocket of a handler that then fails is closed, and the server lives on", async () => {
  const log = await serving(
    (request) => {
      if (request.headers.has("upgrade")) {
        Deno.upgradeWebSocket(request);
        if (request.url.endsWith("/other")) return new Response("other");
        throw new Error("on purpose");
      }
      return new Response("alive");
    },
    {},
    async ({ url, connect }) => {
      const socket = await RawWebSocket.open(await connect(), "/throws");
      assertEquals((await socket.closed())?.code, 1011);
      await RawWebSocket.open(await connect(), "/other");
      assertEquals(await (await fetch(url)).text(), "alive");
    },
  );
  const errors = linesOf("error", log).join();
  assertStringIncludes(errors, "GET /throws: the app threw.");
  assertStringIncludes(errors, "GET /other: the fetch handler upgraded");
});

Deno.test("in development a handler that fails makes the error page", async () => {
  const settings = resolveSettings({ env: "development" });
  const app = fetchApp({
    fetch() {
      throw new Error("on purpose");
    },
  });
  await withServer(
    await appInMode(app, settings),
    { lifespan: "off" },
    async ({ url }) => {
      const headers = { accept: "text/html" };
      const response = await fetch(`${url}/x`, { headers });
      assertEquals(response.status, 500);
      const page = await response.text();
      assertStringIncludes(page, "<h1>on purpose</h1>");
      assertStringIncludes(page, "GET /x");
    },
  );
});
