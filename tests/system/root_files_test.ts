import { assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { giveFile } from "../../src/system/folder.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** What is tested here takes root to do. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;
const UID = 65534;

function inFolder(body: (folder: string) => void): void {
  const folder = tempFolder();
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function owner(path: string): number | null {
  return Deno.lstatSync(path).uid;
}

Deno.test(
  "giveFile() creates a file for its owner alone and a group (as root)",
  { ignore },
  () => {
    inFolder((folder) => {
      const path = join(folder, "it's a \u{1F4DC} log\n.log");
      giveFile(path, UID, 0o640);
      const { uid, gid, mode } = Deno.statSync(path);
      assertEquals([uid, gid, mode! & 0o777], [UID, 0, 0o640]);
    });
  },
);

Deno.test(
  "giveFile() gives an old file of root away, with what is in it (as root)",
  { ignore },
  () => {
    inFolder((folder) => {
      const path = join(folder, "old.log");
      Deno.writeTextFileSync(path, "a line\n", { mode: 0o600 });
      giveFile(path, UID, 0o640);
      assertEquals(owner(path), UID);
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
      assertEquals(Deno.readTextFileSync(path), "a line\n");
    });
  },
);

Deno.test(
  "giveFile() leaves links, second names, folders and the files of others alone (as root)",
  { ignore },
  () => {
    inFolder((folder) => {
      const [target, link, second, sub, others] = [
        "target",
        "link",
        "second",
        "sub",
        "others",
      ].map((name) => join(folder, name));
      Deno.writeTextFileSync(target, "dear");
      Deno.symlinkSync(target, link);
      giveFile(link, UID, 0o640);
      assertEquals([owner(target), owner(link)], [0, 0]);
      Deno.linkSync(target, second);
      giveFile(second, UID, 0o640);
      assertEquals(owner(target), 0);
      Deno.mkdirSync(sub);
      giveFile(sub, UID, 0o640);
      assertEquals(owner(sub), 0);
      Deno.writeTextFileSync(others, "");
      Deno.chownSync(others, 1, 1);
      giveFile(others, UID, 0o640);
      assertEquals(owner(others), 1);
    });
  },
);

Deno.test(
  "giveFile() creates nothing behind a dangling link, and leaves a missing folder to whoever opens the file (as root)",
  { ignore },
  () => {
    inFolder((folder) => {
      const [link, target] = [join(folder, "link"), join(folder, "target")];
      Deno.symlinkSync(target, link);
      giveFile(link, UID, 0o640);
      giveFile(join(folder, "missing", "a.log"), UID, 0o640);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [
        "link",
      ]);
    });
  },
);
