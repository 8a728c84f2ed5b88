import { DocumentRoot } from "../../../src/apps/files/document_root.ts";
import {
  type Entry,
  readReadme,
} from "../../../src/apps/files/directory_entries.ts";
import { TimeSlice } from "../../../src/apps/files/time_slice.ts";
import { assertEquals } from "../../../src/std/assert.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

const ENTRIES: Entry[] = ["README.md", "readme.txt"].map((name) => ({
  name,
  is_dir: 0,
  size: 4,
  mtime: 0,
}));

Deno.test("a README that the system cannot read is passed over, and asked for again", async () => {
  const folder = tempFolder();
  try {
    const failing = new DocumentRoot("App", folder, {
      opener: () => {
        throw Object.assign(new Error("Input/output error"), { code: "EIO" });
      },
    });
    for (const { name } of ENTRIES) {
      Deno.writeTextFileSync(`${folder}/${name}`, name);
      Deno.utimeSync(`${folder}/${name}`, 1e9, 1e9);
    }
    assertEquals(await readReadme(failing, "", ENTRIES, new TimeSlice()), {
      readme: null,
      settled: false,
    });
    const { readme } = await readReadme(
      new DocumentRoot("App", folder),
      "",
      ENTRIES,
      new TimeSlice(),
    );
    assertEquals(readme, { name: "README.md", text: "README.md" });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
