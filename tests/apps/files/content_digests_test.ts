import { ContentDigests } from "../../../src/apps/files/file_version.ts";
import { RequestReader } from "../../../src/apps/disconnect.ts";
import { assertEquals, assertNotEquals } from "../../../src/std/assert.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

/** A client, and what makes it leave. */
function newClient(): { client: RequestReader; leave: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const client = RequestReader.watch(async () => {
    await promise;
    return { type: "http.disconnect" };
  });
  return { client, leave: resolve };
}

/** Runs `body` with a file and what asks for its digest. */
async function withFile(
  content: string,
  body: (
    path: string,
    digest: (changed: Date, client?: RequestReader) => Promise<string | null>,
    reads: () => number,
  ) => Promise<void>,
): Promise<void> {
  const folder = tempFolder();
  try {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, content);
    using file = Deno.openSync(path);
    const read = file.read.bind(file);
    let reads = 0;
    file.read = (buffer) => {
      reads++;
      return read(buffer);
    };
    const info = file.statSync();
    const digests = new ContentDigests();
    await body(
      path,
      (changed, client = newClient().client) =>
        digests.of({
          kind: "file",
          mayBlock: false,
          file,
          info: { ...info, mtime: new Date(0), ctime: changed },
          [Symbol.dispose]: () => {},
        }, client),
      () => reads,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const OLD = new Date(1e12);

Deno.test("a digest is kept while the file looks the same, and not while it is new", async () => {
  await withFile("one", async (path, digest, reads) => {
    const [first, second] = await Promise.all([digest(OLD), digest(OLD)]);
    assertEquals(second, first);
    assertEquals(reads(), 1);
    assertEquals(await digest(new Date()), first);
    Deno.writeTextFileSync(path, "two");
    assertEquals(await digest(OLD), first);
    assertNotEquals(await digest(new Date()), first);
    assertNotEquals(await digest(new Date(1e12 + 1)), first);
  });
});

Deno.test("a digest is of as much of a growing file as is sent of it", async () => {
  await withFile("one", async (path, digest) => {
    const before = await digest(new Date());
    Deno.writeTextFileSync(path, " and more", { append: true });
    assertEquals(await digest(new Date()), before);
  });
});

Deno.test("a digest is given up when the last client that waits for it leaves", async () => {
  const pieces = 40;
  await withFile("x".repeat(pieces * 256 * 1024), async (_, digest, reads) => {
    const [first, second] = [newClient(), newClient()];
    const results = [first, second].map(({ client }) => digest(OLD, client));
    first.leave();
    second.leave();
    assertEquals(await Promise.all(results), [null, null]);
    assertEquals(reads() < pieces, true, "it was read to its end");
  });
});

Deno.test("a digest goes on for those who stay when the one that began it leaves", async () => {
  await withFile("x".repeat(1024 * 1024), async (_, digest) => {
    const { client, leave } = newClient();
    const began = digest(OLD, client);
    const stays = digest(OLD);
    leave();
    assertEquals(await began, null);
    assertEquals(await digest(OLD), await stays);
    assertEquals((await stays)?.length, 22);
  });
});
