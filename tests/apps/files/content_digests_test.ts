import { ContentDigests } from "../../../src/apps/files/content_digests.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
} from "../../../src/std/assert.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

Deno.test("a digest is kept while the file looks the same, and not while it is new", async () => {
  const folder = tempFolder();
  try {
    const path = `${folder}/file`;
    Deno.writeTextFileSync(path, "one");
    using file = Deno.openSync(path);
    const digests = new ContentDigests();
    const digest = (changed: Date) =>
      digests.of({
        kind: "file",
        file,
        info: { ...file.statSync(), mtime: new Date(0), ctime: changed },
        [Symbol.dispose]: () => {},
      });
    const old = new Date(1e12);
    const first = digest(old);
    assert(digest(old) === first, "read again");
    await first;
    assertEquals(await digest(new Date()), await first);
    Deno.writeTextFileSync(path, "two");
    assertEquals(await digest(old), await first);
    assertNotEquals(await digest(new Date()), await first);
    assertNotEquals(await digest(new Date(1e12 + 1)), await first);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
