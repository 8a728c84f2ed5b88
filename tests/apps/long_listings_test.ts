import { DirectoryApp } from "../../src/apps/directory.ts";
import { DocumentRoot } from "../../src/apps/files/document_root.ts";
import { endKeptThreads } from "../../src/pagi/kept_threads.ts";
import { directorySender } from "../../src/apps/files/send_listing.ts";
import { LongListings } from "../../src/apps/files/long_listings.ts";
import { RequestReader } from "../../src/apps/disconnect.ts";
import { configureLog } from "../../src/log/log.ts";
import type { HeaderList, HttpScope, PagiApp } from "../../src/pagi/types.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { NICE } from "../../src/system/thread_priority.ts";
import { LISTING_OPTIONS } from "../helpers/listing_options.ts";
import { hostileTree } from "../helpers/hostile_tree.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";

/** More entries than a thread that serves requests lists. */
const MANY = 1001;

function longTree() {
  const tree = hostileTree();
  const folder = join(tree.root, "empty");
  for (let i = 0; i < MANY; i++) {
    // Long enough to be sent in several chunks.
    Deno.writeTextFileSync(join(folder, `${"long ".repeat(20)}${i}`), "x");
  }
  Deno.writeTextFileSync(join(folder, "README.md"), "# Many\n");
  // So that the thread caches it, and both list the same times.
  Deno.utimeSync(folder, 1e9, 1e9);
  return tree;
}

/** Lists the same without a thread. */
function listedHere(root: string): PagiApp {
  const { sendDirectory } = directorySender({
    ...LISTING_OPTIONS,
    root: new DocumentRoot("test", root),
    changes: null,
    longest: Infinity,
  });
  return (scope, receive, send) =>
    sendDirectory(scope as HttpScope, receive, send, ["empty"]);
}

Deno.test("a thread lists a long folder as it would be listed without one", async () => {
  using tree = longTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const here = listedHere(tree.root);
  const ask = (app: PagiApp, method: string, headers: HeaderList) =>
    runApp(app, { target: "/empty/?sort=size", method, headers });
  const kinds: HeaderList = [
    ["accept", "text/html"],
    ["accept", "application/json"],
    ["accept", "text/plain"],
    ["accept-encoding", "gzip"],
  ];
  for (const kind of kinds) {
    for (const method of ["GET", "HEAD"]) {
      const expected = await ask(here, method, [kind]);
      const answer = await ask(app, method, [kind]);
      assertEquals(answer.status, 200);
      assertEquals(answer.headers, expected.headers);
      assertEquals(answer.body, expected.body);
    }
  }
  const etag = (await ask(app, "GET", [])).header("etag")!;
  const { status } = await ask(app, "GET", [["if-none-match", etag]]);
  assertEquals(status, 304);
  endKeptThreads();
});

Deno.test("a thread lists folders that were long as they are now", async () => {
  using tree = longTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  const names = async () => {
    const headers = { accept: "text/plain" };
    return (await runApp(app, { target: "/empty/", headers })).text;
  };
  assertEquals((await names()).split("\n").length, MANY + 2);
  const folder = join(tree.root, "empty");
  for (const { name } of Deno.readDirSync(folder)) {
    if (name !== "README.md") Deno.removeSync(join(folder, name));
  }
  assertEquals(await names(), "README.md\n");
  Deno.removeSync(folder, { recursive: true });
  const { status } = await runApp(app, { target: "/empty/" });
  assertEquals(status, 404);
  endKeptThreads();
});

Deno.test("a long listing ends when its client leaves, wherever it is sent", async () => {
  using tree = longTree();
  const app = new DirectoryApp({ root: tree.root }).toApp();
  for (const leaveAt of [1, 2, 3]) {
    const left = Promise.withResolvers<void>();
    let sent = 0;
    await app(
      requestScope({ target: "/empty/" }) as HttpScope,
      async () => {
        await left.promise;
        return { type: "http.disconnect" };
      },
      async () => {
        if (++sent === leaveAt) left.resolve();
        if (sent >= leaveAt) await left.promise;
      },
    );
  }
  const { status } = await runApp(app, { target: "/empty/" });
  assertEquals(status, 200);
  endKeptThreads();
});

Deno.test("where there can be no thread, listings are left to their caller", async () => {
  let failed = false;
  const listings = new LongListings({
    ...LISTING_OPTIONS,
    appName: "test",
    directory: "/proc/there is no such folder",
    changes: null,
  }, () => failed = true);
  configureLog({ level: "error", write: () => {} });
  try {
    const answered = await listings.send(
      requestScope({ target: "/empty/" }) as HttpScope,
      RequestReader.watch(() => new Promise(() => {})),
      () => Promise.resolve(),
      ["empty"],
    );
    assertEquals([answered, failed], [false, true]);
  } finally {
    configureLog({ level: "info" });
  }
});

/** The nice value of a thread of this process. */
function niceOf(thread: number | string): number {
  const stat = Deno.readTextFileSync(`/proc/self/task/${thread}/stat`);
  // Behind the name, which may have spaces: proc_pid_stat(5), field 19.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
}

Deno.test({
  name: "the thread gives way to those that serve requests",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using tree = longTree();
    const app = new DirectoryApp({ root: tree.root }).toApp();
    await runApp(app, { target: "/empty/" });
    const threads = [...Deno.readDirSync("/proc/self/task")];
    const lowered = Math.min(19, niceOf(Deno.pid) + NICE);
    assert(threads.some(({ name }) => niceOf(name) === lowered));
    endKeptThreads();
  },
});
