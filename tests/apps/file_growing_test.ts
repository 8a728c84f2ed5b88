/** Files that change while they are read and sent, and those without a size. */

import { gunzipSync } from "node:zlib";
import { FileApp } from "../../src/apps/file.ts";
import { DocumentRoot } from "../../src/apps/files/document_root.ts";
import type { OpenedFile } from "../../src/apps/files/document_root.ts";
import { sendCompressed } from "../../src/apps/files/send_file.ts";
import { RequestReader } from "../../src/apps/disconnect.ts";
import {
  MAX_CACHED_FILE_BYTES,
  readSmallFile,
} from "../../src/apps/files/small_file.ts";
import type { SendEvent } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertRejects } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

async function withFolder(
  body: (root: string) => Promise<void> | void,
): Promise<void> {
  const root = Deno.realPathSync(tempFolder());
  try {
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function append(path: string, text: string): void {
  Deno.writeTextFileSync(path, text, { append: true });
}

/** `opened`, with `change` done after each read of it. */
function changing(opened: OpenedFile, change: (read: number) => void) {
  const { file } = opened;
  let reads = 0;
  const changed = {
    seekSync: (to: number, whence: Deno.SeekMode) => file.seekSync(to, whence),
    statSync: () => file.statSync(),
    readSync(buffer: Uint8Array) {
      const count = file.readSync(buffer);
      change(++reads);
      return count;
    },
  };
  return { ...opened, file: changed as unknown as Deno.FsFile };
}

/** What is read of a file of `text` that `change` changes, and if it is kept. */
async function read(
  text: string,
  change: (path: string, read: number) => void,
): Promise<[text: string, stable: boolean] | null> {
  let result: [string, boolean] | null = null;
  await withFolder((root) => {
    const path = join(root, "a.log");
    Deno.writeTextFileSync(path, text);
    Deno.utimeSync(path, 1e9, 1e9);
    const opened = new DocumentRoot("Test", root).open("a.log");
    assert(typeof opened === "object" && opened.kind === "file");
    using _opened = opened;
    const small = readSmallFile(changing(opened, (n) => change(path, n)));
    if (small === null) return;
    assert(small.bytes.length <= small.info.size || !small.stable);
    result = [new TextDecoder().decode(small.bytes), small.stable];
  });
  return result;
}

Deno.test("a small file that changes while it is read is read again from its beginning", async () => {
  const once = (change: (path: string) => void) =>
    read("first\n", (path, n) => n === 1 && change(path));
  assertEquals(
    await once((path) => append(path, "second\n")),
    ["first\nsecond\n", true],
  );
  assertEquals(
    await once((path) => Deno.writeTextFileSync(path, "x")),
    ["x", true],
  );
  assertEquals(await once((path) => Deno.truncateSync(path)), ["", true]);
  assertEquals(
    await once((path) => append(path, "x".repeat(MAX_CACHED_FILE_BYTES))),
    null,
    "it is no small file any more",
  );
});

Deno.test("a file that changes all the time is what was there, and is not kept", async () => {
  const found = await read("first\n", (path) => append(path, "more\n"));
  assert(found !== null);
  const [text, stable] = found;
  assert(/^first\n(?:more\n)*$/.test(text), text);
  assertEquals(stable, false);
});

Deno.test("a compressed body begins at the beginning and ends where the head said", async () => {
  await withFolder(async (root) => {
    const path = join(root, "large.log");
    const text = "line of a log\n".repeat(30_000);
    Deno.writeTextFileSync(path, text);
    using file = Deno.openSync(path);
    // Wherever it stands.
    file.readSync(new Uint8Array(1000));
    const pieces: Uint8Array[] = [];
    await sendCompressed(
      RequestReader.watch(() => new Promise(() => {})),
      (event: SendEvent) => {
        if ("body" in event && event.body !== undefined) {
          pieces.push(event.body as Uint8Array);
          append(path, "added while it is sent\n".repeat(1000));
        }
        return Promise.resolve();
      },
      file,
      text.length,
    );
    const sent = new Uint8Array(
      await new Blob(pieces as BlobPart[]).arrayBuffer(),
    );
    assertEquals(gunzipSync(sent).toString(), text);
  });
});

Deno.test("a compressed body of a file that becomes shorter is cut, so that all can tell", async () => {
  await withFolder(async (root) => {
    const path = join(root, "large.log");
    // What does not shrink is sent in many pieces.
    const bytes = new Uint8Array(2_000_000);
    for (let i = 0; i < bytes.length; i += 65536) {
      crypto.getRandomValues(bytes.subarray(i, i + 65536));
    }
    Deno.writeFileSync(path, bytes);
    using file = Deno.openSync(path);
    const error = await assertRejects(
      () =>
        sendCompressed(
          RequestReader.watch(() => new Promise(() => {})),
          () => {
            Deno.truncateSync(path, 1000);
            return Promise.resolve();
          },
          file,
          bytes.length,
        ),
      Error,
    );
    assert(error.message.includes("shorter"), error.message);

    const app = new FileApp({ root, defaultType: "text/plain" }).toApp();
    Deno.writeFileSync(join(root, "other"), bytes);
    await withServer(
      async (scope, receive, send) => {
        await app(scope, receive, async (event) => {
          await send(event);
          if ("body" in event) Deno.truncateSync(join(root, "other"), 1000);
        });
      },
      {},
      async ({ connect }) => {
        const connection = await connect();
        await connection.request("GET /other", "accept-encoding: gzip");
        const answer = await connection.rest();
        assert(answer.includes("content-encoding: gzip"));
        assert(!answer.endsWith("\r\n0\r\n\r\n"), "it seems to be whole");
      },
    );
  });
});

Deno.test("a log that grows has its first line in every answer", async () => {
  await withFolder(async (root) => {
    const path = join(root, "app.log");
    Deno.writeTextFileSync(path, `FIRST LINE\n${"x".repeat(1500)}\n`);
    const writer = new Worker(
      URL.createObjectURL(
        new Blob([`
          onmessage = ({ data }) => {
            const file = Deno.openSync(data, { append: true });
            const line = new TextEncoder().encode("line\\n");
            const end = performance.now() + 700;
            while (performance.now() < end) file.writeSync(line);
            file.close();
            postMessage("done");
          };`]),
      ),
      { type: "module" },
    );
    let done = false;
    const ended = new Promise<void>((resolve) => {
      writer.onmessage = () => resolve(void (done = true));
    });
    writer.postMessage(path);
    const app = new FileApp({ root }).toApp();
    const headers = { "accept-encoding": "gzip" };
    while (!done) {
      const zipped = await runApp(app, { target: "/app.log", headers });
      const text = gunzipSync(zipped.body).toString();
      assert(text.startsWith("FIRST LINE\nxxx"), text.slice(0, 30));
      const plain = await runApp(app, { target: "/app.log" });
      assert(plain.text.startsWith("FIRST LINE\nxxx"));
      const range = { range: "bytes=0-9" };
      const part = await runApp(app, { target: "/app.log", headers: range });
      assertEquals(part.text, "FIRST LINE");
      await delay(0);
    }
    await ended;
    writer.terminate();
  });
});

Deno.test(
  "what the system says of its own files' sizes is no help, and not needed",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    const app = new FileApp({
      root: "/proc/sys/kernel",
      defaultType: "text/plain",
    }).toApp();
    const target = "/ostype";
    const codings: Record<string, string>[] = [{}, {
      "accept-encoding": "gzip",
    }];
    for (const headers of codings) {
      const response = await runApp(app, { target, headers });
      assertEquals([response.status, response.text], [200, "Linux\n"]);
      assertEquals(response.header("content-length"), "6");
      const head = await runApp(app, { target, headers, method: "HEAD" });
      assertEquals(head.headers, response.headers);
      const tag = response.header("etag")!;
      const again = await runApp(app, {
        target,
        headers: { ...headers, "if-none-match": tag },
      });
      assertEquals(again.status, 304);
    }
    const part = await runApp(app, { target, headers: { range: "bytes=2-" } });
    assertEquals([part.status, part.text], [206, "nux\n"]);
  },
);

Deno.test("a large one without a size is sent to its end", {
  ignore: Deno.build.os !== "linux" || !isLarge("/proc/kallsyms"),
}, async () => {
  const app = new FileApp({ root: "/proc", defaultType: "text/plain" });
  await withServer(app.toApp(), {}, async ({ url }) => {
    for (const coding of ["gzip", "identity"]) {
      const response = await fetch(`${url}/kallsyms`, {
        headers: { "accept-encoding": coding, range: "bytes=0-9" },
      });
      assertEquals(response.status, 200);
      const text = await response.text();
      assert(text.length > MAX_CACHED_FILE_BYTES && text.endsWith("\n"));
    }
  });
});

/** Tells whether a file that says it is empty has much in it. */
function isLarge(path: string): boolean {
  try {
    return Deno.statSync(path).size === 0 &&
      Deno.readFileSync(path).length > MAX_CACHED_FILE_BYTES;
  } catch {
    return false;
  }
}
