import { assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { ACCESS, mayAccess } from "../../src/system/access.ts";

const ignore = Deno.build.os !== "linux";
const OTHER = 65_000;

/** Calls `use` with a folder that everybody can reach, and its owner's ids. */
function withFolder(use: (folder: string, uid: number, gid: number) => void) {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    Deno.chmodSync(folder, 0o755);
    const { uid, gid } = Deno.statSync(folder);
    use(folder, uid!, gid!);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test(
  "the first of owner, group and others that fits decides what a user may do",
  {
    ignore,
  },
  () => {
    withFolder((folder, uid, gid) => {
      const file = join(folder, "file");
      Deno.writeTextFileSync(file, "");
      // Root may do anything, so its files stand in for nobody else's.
      const owner = uid === 0 ? OTHER + 1 : uid;
      if (uid === 0) Deno.chownSync(file, owner, gid);
      for (
        const [mode, wanted, expected] of [
          [0o644, ACCESS.read, [true, true, true]],
          [0o604, ACCESS.read, [true, false, true]],
          [0o040, ACCESS.read, [false, true, false]],
          [0o007, ACCESS.read | ACCESS.write, [false, false, true]],
          [0o755, ACCESS.read | ACCESS.write, [true, false, false]],
        ] as const
      ) {
        Deno.chmodSync(file, mode);
        const users = [
          { uid: owner, gid: OTHER },
          { uid: OTHER, gid },
          { uid: OTHER, gid: OTHER },
        ];
        assertEquals(
          users.map((user) => mayAccess(file, user, wanted)),
          [...expected],
          mode.toString(8),
        );
        assertEquals(mayAccess(file, { uid: 0, gid: OTHER }, wanted), true);
      }
    });
  },
);

Deno.test(
  "every folder on the way counts, by the path as it is written and as it is",
  {
    ignore,
  },
  () => {
    withFolder((folder) => {
      const user = { uid: OTHER, gid: OTHER };
      for (const name of ["open", "shut"]) {
        Deno.mkdirSync(join(folder, name));
        Deno.writeTextFileSync(join(folder, name, "file"), "");
        Deno.symlinkSync(join(folder, name), join(folder, `to-${name}`));
      }
      Deno.symlinkSync(join(folder, "open"), join(folder, "shut", "to-open"));
      Deno.chmodSync(join(folder, "open"), 0o711);
      Deno.chmodSync(join(folder, "shut"), 0o744);
      for (
        const [path, expected] of [
          ["open/file", true],
          ["open", false],
          ["open/missing", false],
          ["to-open/file", true],
          ["shut/file", false],
          ["shut", true],
          ["to-shut/file", false],
          ["shut/to-open/file", false],
        ] as const
      ) {
        assertEquals(
          mayAccess(join(folder, path), user, ACCESS.read),
          expected,
          path,
        );
      }
    });
  },
);
