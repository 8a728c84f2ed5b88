/** Correct apps see no difference: the examples on a real server, under lint. */

import { lint } from "../../src/middleware/lint.ts";
import { loadApp } from "../../src/loader/load_app.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { withServer } from "../helpers/with_server.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples", import.meta.url));

/** Asks an example for something; returns what it answered. */
type Ask = (url: string) => Promise<string>;

function get(path: string, init?: RequestInit): Ask {
  return async (url) => await (await fetch(url + path, init)).text();
}

/** Reads the start of a stream, and leaves. */
const firstEvent: Ask = async (url) => {
  const headers = { accept: "text/event-stream" };
  const { body } = await fetch(url, { headers });
  const reader = body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
};

const EVENTS = { headers: { accept: "text/event-stream" } };

/** An example, what to ask it for, and what it answers. */
const CASES: readonly (readonly [string, Ask, RegExp])[] = [
  ["01-hello-http", get("/"), /^Hello from PAGI\n$/],
  ["01-hello-http", get("/", { method: "HEAD" }), /^$/],
  ["02-streaming-response", get("/"), /^line 1\n.*done\n$/s],
  ["03-request-body", get("/", { method: "POST", body: "up" }), /^up$/],
  ["05-sse-clock", firstEvent, /^event: tick\n/],
  ["06-lifespan-state", get("/"), /^Visit number 1\n$/],
  ["07-fetch-handler", get("/"), /^Hello from fetch\n$/],
  ["07-fetch-handler", get("/upper", { method: "POST", body: "up" }), /^UP$/],
  ["08-hono", get("/"), /^Hello from Hono\n$/],
  ["08-hono", get("/countdown", EVENTS), /^data: 3\n\n/],
  ["09-class-app", get("/"), /^Hello/],
  ["10-middleware", get("/"), /^This is request /],
  ["11-bundled-apps", get("/greet/Ada"), /^Hello, Ada!/],
  ["11-bundled-apps", get("/file.txt"), /^A file of the example\.\n$/],
  ["11-bundled-apps", get("/health"), /"version":"1\.0"/],
  ["11-bundled-apps", get("/old"), /file\.txt|Nothing here/],
];

async function load(name: string) {
  const file = name === "09-class-app" ? "My/App.ts" : "app.ts";
  const { app } = await loadApp({
    positionals: [`${EXAMPLES}/${name}/${file}`],
    app: null,
    lib: [],
    modules: [],
    eval: null,
  });
  return app;
}

function complaints(log: readonly string[]): string[] {
  return log.filter((line) => / (warn|error) |LintError/.test(line));
}

for (const [name, ask, answer] of CASES) {
  Deno.test(`${name} is clean under lint: ${answer.source}`, async () => {
    const log = await withServer(
      lint(await load(name)),
      {},
      async ({ url }) => {
        assertMatch(await ask(url), answer);
      },
    );
    assertEquals(complaints(log), []);
  });
}

Deno.test("04-websocket-echo is clean under lint", async () => {
  const app = lint(await load("04-websocket-echo"));
  const log = await withServer(app, {}, async ({ connect }) => {
    const socket = await RawWebSocket.open(await connect());
    await socket.send(1, "echo");
    assertEquals(await socket.message(), "echo");
    await socket.close(1000);
  });
  assertEquals(complaints(log), []);
});

Deno.test("no example is left out", async () => {
  const shown = new Set(CASES.map(([name]) => name)).add("04-websocket-echo")
    // Fetch handlers and apps of Node's, in projects with imports of their own.
    .add("12-hono-project").add("13-express-project")
    // They need several clients, which their own tests have.
    .add("14-chat-channels").add("15-job-progress");
  for await (const { name, isDirectory } of Deno.readDir(EXAMPLES)) {
    if (isDirectory) assert(shown.has(name), name);
  }
});
