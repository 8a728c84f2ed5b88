import { serveTree } from "../../src/apps/files/serve_tree.ts";
import { fileOptions, fileSettings } from "../../src/apps/file.ts";
import { DocumentRoot } from "../../src/apps/files/document_root.ts";
import type { OpenedFile } from "../../src/apps/files/document_root.ts";
import { FileCache } from "../../src/apps/files/file_cache.ts";
import { readAppOptions } from "../../src/options/app_options.ts";
import type { PagiApp, ReceiveEvent, SendEvent } from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

/** An app on a folder in which reading "log" waits until something is written. */
async function withBlockingFile(
  body: (site: {
    app: PagiApp;
    write: (text: string) => Promise<void>;
    closed: () => number;
  }) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  Deno.writeTextFileSync(join(root, "a.txt"), "small");
  Deno.writeTextFileSync(join(root, "log"), "");
  const pipe = join(root, "pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  // Keeps the pipe open for reading, so that nobody waits for a partner.
  const both = Deno.openSync(pipe, { read: true, write: true });
  let closed = 0;
  const documents = new DocumentRoot("Test", root, {
    opener: (root, path) => {
      const info = Deno.statSync(root.pathOf(path));
      const waits = path === "log";
      const file = Deno.openSync(root.pathOf(waits ? "pipe" : path));
      return {
        kind: "file",
        file,
        info,
        mayBlock: waits,
        [Symbol.dispose]() {
          closed++;
          file.close();
        },
      } satisfies OpenedFile;
    },
  });
  const given = readAppOptions("Test", fileOptions, { root });
  const app = serveTree("Test", {
    ...fileSettings("Test", given),
    root: documents,
    files: new FileCache(documents),
  });
  try {
    await body({
      app,
      write: async (text) => {
        await both.write(new TextEncoder().encode(text));
      },
      closed: () => closed,
    });
  } finally {
    both.close();
    Deno.removeSync(root, { recursive: true });
  }
}

/** A request whose client leaves when told. */
function begin(app: PagiApp) {
  const left = Promise.withResolvers<ReceiveEvent>();
  const sent: SendEvent[] = [];
  const done = app(
    requestScope({ target: "/log" }),
    () => left.promise,
    (event) => Promise.resolve(void sent.push(event)),
  );
  return {
    sent,
    done,
    leave: () => left.resolve({ type: "http.disconnect" }),
  };
}

Deno.test(
  "a file whose read waits holds nobody else up, and ends with its client",
  onLinux,
  async () => {
    await withBlockingFile(async ({ app, write, closed }) => {
      const waiting = Array.from({ length: 8 }, () => begin(app));
      // The thread goes on.
      assertEquals((await runApp(app, { target: "/a.txt" })).text, "small");
      // Those that wait take threads of the process: there are so many at most.
      const refused = await runApp(app, { target: "/log" });
      assertEquals(refused.status, 503);
      assertEquals(refused.header("retry-after"), "5");
      const before = closed();
      for (const { leave } of waiting) leave();
      await Promise.all(waiting.map(({ done }) => done));
      assertEquals(waiting.flatMap(({ sent }) => sent), []);
      // The files are closed when the system answers.
      assertEquals(closed(), before);
      for (let i = 0; closed() < before + 8; i++) await write(`${i}\n`);
      const next = begin(app);
      next.leave();
      await write("more\n");
      await next.done;
    });
  },
);

Deno.test("/proc/kmsg does not hold up the server", {
  ignore: !isReadable("/proc/kmsg"),
  // The read ends when the kernel has something to say.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  const given = readAppOptions("Test", fileOptions, { root: "/proc" });
  const app = serveTree("Test", fileSettings("Test", given));
  const left = Promise.withResolvers<ReceiveEvent>();
  const done = app(
    requestScope({ target: "/kmsg" }),
    () => left.promise,
    () => Promise.resolve(),
  );
  const { status } = await runApp(app, { target: "/version" });
  assertEquals(status, 200);
  left.resolve({ type: "http.disconnect" });
  await done;
});

function isReadable(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}
