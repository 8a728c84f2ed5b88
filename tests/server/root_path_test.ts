/**
 * The prefix that a proxy in front takes off (`--root-path`).
 *
 * @module
 */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { ProxyApp } from "../../src/apps/proxy.ts";
import { UrlMapApp } from "../../src/apps/url_map.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import type { Settings } from "../../src/options/settings.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

const SETTINGS = { rootPath: "/my app", lifespan: "off" } as const;

/** Where a GET of `path` is redirected to. */
async function locationOf(test: TestServer, path: string): Promise<string> {
  const response = await fetch(test.url + path, { redirect: "manual" });
  await response.body?.cancel();
  return response.headers.get("location") ?? `status ${response.status}`;
}

Deno.test("every kind of scope has the root path, and paths as they were received", async () => {
  const seen: string[] = [];
  const app: PagiApp = async (scope, _receive, send) => {
    if (scope.type === "lifespan") return;
    seen.push(`${scope.type} ${scope.root_path} ${scope.path}`);
    if (scope.type === "http") await reply(send, "ok");
    else if (scope.type === "sse") await send({ type: "sse.start" });
    else await send({ type: "websocket.accept" });
  };
  const run = (settings: Partial<Settings>) =>
    withServer(app, settings, async ({ connect }) => {
      for (const fields of [[], ["accept: text/event-stream"]]) {
        const connection = await connect();
        await connection.request("GET /x", "connection: close", ...fields);
        await connection.rest();
      }
      await (await RawWebSocket.open(await connect(), "/x")).closed();
    });
  await run({ rootPath: "/app/" });
  await run({});
  assertEquals(seen, [
    "http /app /x",
    "sse /app /x",
    "websocket /app /x",
    "http  /x",
    "sse  /x",
    "websocket  /x",
  ]);
});

Deno.test("a listing names and redirects to what the client sees", async () => {
  const root = tempFolder("pagi root ");
  Deno.mkdirSync(`${root}/sub folder`);
  Deno.writeTextFileSync(`${root}/sub folder/a?b.txt`, "found");
  const app = new DirectoryApp({ root }).toApp();
  try {
    await withServer(app, SETTINGS, async (test) => {
      assertEquals(
        await locationOf(test, "/sub%20folder?sort=name"),
        "/my%20app/sub%20folder/?sort=name",
      );
      const page = await (await fetch(`${test.url}/sub%20folder/`)).text();
      assert(page.includes("<title>Index of /my app/sub folder/</title>"));
      // All links are relative, so they hold below any root.
      const links = [...page.matchAll(/href="(?!data:)([^"]*)"/g)].map((
        [, to],
      ) => to);
      assert(links.length > 0 && links.every((to) => !to.startsWith("/")));
      const seen = new URL("http://proxy/my%20app/sub%20folder/");
      const targets = links.map((to) => new URL(to, seen).pathname);
      assert(targets.includes("/my%20app/sub%20folder/a%3Fb.txt"));
      assert(targets.includes("/my%20app/"));
      assert(targets.every((path) => path.startsWith("/my%20app/")));
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("mounts add to the root path", async () => {
  const root = tempFolder("pagi root ");
  Deno.mkdirSync(`${root}/sub`);
  const app = new UrlMapApp().map({
    "/files": new DirectoryApp({ root }).toApp(),
  }).toApp();
  try {
    await withServer(app, SETTINGS, async (test) => {
      assertEquals(
        await locationOf(test, "/files/sub"),
        "/my%20app/files/sub/",
      );
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a proxy passes paths on as they came, and its redirects lead back below the root path", async () => {
  const seen: string[] = [];
  const target = httpApp(async (scope, _receive, send) => {
    seen.push(scope.raw_path!);
    const prefix = new Map(scope.headers).get("x-forwarded-prefix");
    await reply(send, prefix, [["location", "/moved"]], 302);
  });
  await withServer(target, {}, async ({ url }) => {
    const proxy = new ProxyApp({ target: url }).toApp();
    const app = new UrlMapApp({ default: proxy }).mount("/api", proxy).toApp();
    await withServer(app, SETTINGS, async (test) => {
      for (
        const [path, location] of [
          ["/a%2Fb/%C3%A9", "/my%20app/moved"],
          ["/api/a%2Fb/%41", "/my%20app/api/moved"],
          ["/%61pi/x%20", "/my%20app/api/moved"],
          ["/api", "/my%20app/api/moved"],
        ]
      ) assertEquals(await locationOf(test, path), location, path);
    });
  });
  assertEquals(seen, ["/a%2Fb/%C3%A9", "/a%2Fb/%41", "/x%20", "/"]);
});
