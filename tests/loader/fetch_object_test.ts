import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { loadApp } from "../../src/loader/load_app.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { Server } from "../../src/server/server.ts";
import { StartupError } from "../../src/server/lifespan.ts";
import { withServer } from "../helpers/with_server.ts";
import { request } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

/** Serves the module `code` while `body` runs; yields what it noted. */
async function served(
  code: string,
  body: (url: string, notes: string[]) => Promise<void>,
): Promise<{ notes: string[]; log: string[] }> {
  const notes: string[] = [];
  const name = `notes-${crypto.randomUUID()}`;
  Object.assign(globalThis, { [name]: notes });
  let log: string[] = [];
  await withFiles({
    "app.js": `const notes = globalThis["${name}"];\n${code}`,
  }, async (folder) => {
    const { app } = await loadApp(request([`${folder}/app.js`]));
    log = await withServer(app, {}, ({ url }) => body(url, notes));
  });
  Reflect.deleteProperty(globalThis, name);
  return { notes, log };
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test("an object with fetch() has its startup() and shutdown() called on it", async () => {
  const { notes } = await served(
    `class App {
      #word = "hello";
      async startup(state) { await 0; notes.push("up", typeof state, this.#word); }
      fetch() { notes.push("asked"); return new Response(this.#word); }
      async shutdown() { await 0; notes.push("down", this.#word); }
    }
    export default new App();`,
    async (url, notes) => {
      assertEquals(notes, ["up", "object", "hello"]);
      assertEquals(await text(url), "hello");
    },
  );
  assertEquals(notes, ["up", "object", "hello", "asked", "down", "hello"]);
});

Deno.test("a startup() that throws ends the start, and a shutdown() that throws is logged", async () => {
  await withFiles({
    "app.js": `export const startup = () => { throw new Error("no database"); };
      export const fetch = () => new Response();`,
  }, async (folder) => {
    const { app } = await loadApp(request([`${folder}/app.js`]));
    const { message } = await assertRejects(
      () =>
        new Server(app, resolveSettings({ port: 0, noAccessLog: true }))
          .start(),
      StartupError,
    );
    assertStringIncludes(message, "startup() failed.\nError: no database\n");
    assertStringIncludes(message, "app.js:1:");
  });
  const { log } = await served(
    `export default {
      fetch: () => new Response("ok"),
      shutdown() { throw new Error("no database"); },
    };`,
    async (url) => assertEquals(await text(url), "ok"),
  );
  assertStringIncludes(
    log.join(""),
    "The app threw in its lifespan scope.\n    Error: no database",
  );
});

Deno.test("fetch() gets (request, info) as by deno serve, or (request, env, ctx) as on Cloudflare", async () => {
  Deno.env.set("PAGI_TEST_GREETING", "hello");
  const forms = [
    `export default { fetch(request, info) {
      return new Response(info.remoteAddr.hostname);
    } };`,
    `export default { fetch: (...args) =>
      new Response(args[1].remoteAddr.hostname) };`,
    `export default { async fetch(request, env) {
      return new Response(env.PAGI_TEST_GREETING);
    } };`,
    `export default { word: "hello", fetch(r, e, c) {
      c.passThroughOnException();
      c.waitUntil(new Promise((done) => setTimeout(done, 50))
        .then(() => notes.push("waited")));
      return new Response(this.word + e.PAGI_TEST_GREETING);
    }, shutdown() { notes.push("down"); } };`,
  ];
  const answers = ["127.0.0.1", "127.0.0.1", "hello", "hellohello"];
  const all: string[] = [];
  for (const [i, code] of forms.entries()) {
    const { notes } = await served(
      code,
      async (url) => assertEquals(await text(url), answers[i], code),
    );
    all.push(...notes);
  }
  assertEquals(all, ["waited", "down"]);
});
