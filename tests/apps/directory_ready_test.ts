/** Listings whose answers are ready: what clients get is what the app would send. */

import { DirectoryApp } from "../../src/apps/directory.ts";
import { endKeptThreads } from "../../src/pagi/kept_threads.ts";
import { readyAnswersOf } from "../../src/pagi/ready_answers.ts";
import type { HeaderList, PagiApp } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { LaterDate } from "../helpers/fake_clock.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

async function withFolder(
  body: (root: string, app: PagiApp, client: RawConnection) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  try {
    Deno.mkdirSync(join(root, "d & é"));
    for (const name of ["a.txt", "b%.txt", "é", "README.md"]) {
      Deno.writeTextFileSync(join(root, "d & é", name), `# ${name}\n`);
    }
    const app = new DirectoryApp({ root }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      await body(root, app, await connect());
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const FOLDER = "/d%20&%20%C3%A9/";

async function get(client: RawConnection, target: string, fields: HeaderList) {
  await client.request(
    `GET ${target}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  );
  const { status, headers, body } = await client.response();
  return { status, headers, body };
}

/** The answer that is ready for a GET; null for none. */
function readyFor(app: PagiApp, target: string, headers: HeaderList) {
  const [rawPath, query = ""] = target.split("?");
  const path = decodeURIComponent(rawPath);
  return readyAnswersOf(app)!(
    { method: "GET", path, rawPath, query, headers },
    "",
  );
}

/** Asks until the answer is ready. */
async function makeReady(
  app: PagiApp,
  client: RawConnection,
  target: string,
  headers: HeaderList,
): Promise<void> {
  await until(async () => {
    await get(client, target, headers);
    return readyFor(app, target, headers) !== null;
  });
}

Deno.test("a ready listing is the one that the app sends", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root, app, client) => {
    const fresh = new DirectoryApp({ root }).toApp();
    for (
      const fields of [
        [],
        [["accept-encoding", "gzip, br"]],
        [["accept-encoding", "gzip"]],
        [["accept", "application/json"]],
        [["accept", "text/plain"], ["accept-encoding", "br"]],
      ] as HeaderList[]
    ) {
      for (const query of ["", "?sort=size", "?view=select"]) {
        const target = `${FOLDER}${query}`;
        await makeReady(app, client, target, fields);
        const tag = readyFor(app, target, fields)!.fields.find(([name]) =>
          name === "etag"
        )![1];
        const conditions: HeaderList[] = [
          [],
          [["if-none-match", tag]],
          [["if-none-match", '"other"']],
          [["if-match", '"other"']],
          [["range", "bytes=0-3"]],
        ];
        for (const condition of conditions) {
          const headers: HeaderList = [...fields, ...condition];
          const sent = await get(client, target, headers);
          const wanted = await runApp(
            (scope, receive, send) =>
              fresh(scope, receive, send),
            { target, headers: Object.fromEntries(headers) },
          );
          const what = `${target} ${headers}`;
          assertEquals(sent.status, wanted.status, what);
          const expected = new Map(wanted.headers as [string, string][]);
          const found = new Map(sent.headers);
          found.delete("date");
          for (const map of [found, expected]) {
            if (sent.status === 304) map.delete("content-length");
          }
          assertEquals([...found].sort(), [...expected].sort(), what);
          const bytes = Uint8Array.from(sent.body, (u) => u.charCodeAt(0));
          assertEquals(bytes, wanted.body, what);
        }
      }
    }
  });
});

Deno.test("whatever changes in a folder shows in its ready listing at once", async () => {
  await withFolder(async (root, app, client) => {
    const folder = join(root, "d & é");
    const accept: HeaderList = [["accept", "application/json"]];
    const changes: (() => void)[] = [
      () => Deno.writeTextFileSync(join(folder, "new"), ""),
      () => Deno.writeTextFileSync(join(folder, "new"), "longer"),
      () => Deno.utimeSync(join(folder, "a.txt"), 1e9, 1e9),
      () => Deno.renameSync(join(folder, "new"), join(folder, "other")),
      () => Deno.removeSync(join(folder, "a.txt")),
    ];
    for (const change of changes) {
      await makeReady(app, client, FOLDER, accept);
      const before = await get(client, FOLDER, accept);
      change();
      const after = await get(client, FOLDER, accept);
      assert(before.body !== after.body, `${change}`);
    }
    await makeReady(app, client, FOLDER, []);
    Deno.writeTextFileSync(join(folder, "README.md"), "# Changed text\n");
    const { body } = await get(client, FOLDER, []);
    assert(body.includes("Changed text"));
    await makeReady(app, client, FOLDER, []);
    Deno.writeTextFileSync(join(folder, "index.html"), "index");
    assertEquals((await get(client, FOLDER, [])).body, "index");
    Deno.removeSync(folder, { recursive: true });
    assertEquals((await get(client, FOLDER, [])).status, 404);
  });
});

Deno.test("other addresses of a folder lead to that of its ready listing", async () => {
  using _settled = new LaterDate();
  await withFolder(async (_root, app, client) => {
    await makeReady(app, client, FOLDER, []);
    const { status, headers } = await get(client, "/d%20&%20%C3%A9%2F", []);
    assertEquals(status, 301);
    assert(headers.get("location")!.endsWith("/"));
    assertEquals(readyFor(app, "/d%20%26%20%C3%A9/", []), null);
  });
});

Deno.test("few listings of a folder are ready, and none of a large folder", async () => {
  using _settled = new LaterDate();
  await withFolder(async (root, app, client) => {
    const query = (i: number) => `${FOLDER}?unknown=${i}`;
    for (let i = 0; i < 20; i++) await makeReady(app, client, query(i), []);
    const ready = Array.from({ length: 20 }, (_, i) => i)
      .filter((i) => readyFor(app, query(i), []) !== null);
    assert(ready.length > 0 && ready.length < 10, `${ready}`);
    const long = `${FOLDER}?${"x".repeat(5000)}`;
    await get(client, long, []);
    assertEquals(readyFor(app, long, []), null);

    await makeReady(app, client, FOLDER, []);
    for (let i = 0; i < 1000; i++) {
      Deno.writeTextFileSync(join(root, "d & é", `f${i}`), "");
    }
    const old = Date.now() + 100;
    await until(() => Date.now() > old);
    assertEquals((await get(client, FOLDER, [])).status, 200);
    assertEquals(readyFor(app, FOLDER, []), null);
    endKeptThreads();
  });
});
