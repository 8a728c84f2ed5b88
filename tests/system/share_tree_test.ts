import { assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { shareTree, treeSize } from "../../src/system/share_tree.ts";

const ignore = Deno.build.os !== "linux";
/** Mostly another file system than that of temporary files. */
const MEMORY = "/dev/shm";

function withFolders(
  dir: string | undefined,
  use: (from: string, to: string) => void,
) {
  const from = Deno.makeTempDirSync();
  const to = Deno.makeTempDirSync({ dir });
  try {
    Deno.mkdirSync(join(from, "a/b"), { recursive: true });
    Deno.writeTextFileSync(join(from, "a/public"), "123");
    Deno.writeTextFileSync(join(from, "a/b/secret \u{1F4DC}"), "4567");
    Deno.chmodSync(join(from, "a/public"), 0o644);
    Deno.chmodSync(join(from, "a/b/secret \u{1F4DC}"), 0o600);
    Deno.symlinkSync("/etc/passwd", join(from, "a/link"));
    Deno.symlinkSync("..", join(from, "a/b/loop"));
    use(from, join(to, "new"));
  } finally {
    Deno.removeSync(from, { recursive: true });
    Deno.removeSync(to, { recursive: true });
  }
}

Deno.test(
  "files are shared as hard links, or copied where others may not read them; links are left out",
  {
    ignore,
  },
  () => {
    for (const dir of [undefined, MEMORY]) {
      withFolders(dir, (from, to) => {
        shareTree(from, to);
        assertEquals(
          [to, join(to, "a"), join(to, "a/b")].map((path) =>
            [...Deno.readDirSync(path)].map(({ name }) => name).sort()
          ),
          [["a"], ["b", "public"], ["secret \u{1F4DC}"]],
        );
        const near = Deno.statSync(from).dev === Deno.statSync(to).dev;
        const open = Deno.statSync(join(to, "a/public"));
        const secret = Deno.statSync(join(to, "a/b/secret \u{1F4DC}"));
        assertEquals([open.nlink, secret.nlink], [near ? 2 : 1, 1]);
        assertEquals([open.mode! & 0o777, secret.mode! & 0o777], [
          0o644,
          0o644,
        ]);
        assertEquals(Deno.readTextFileSync(join(to, "a/public")), "123");
        // The original's mode is its owner's own affair.
        const { mode } = Deno.statSync(join(from, "a/b/secret \u{1F4DC}"));
        assertEquals(mode! & 0o777, 0o600);
        assertEquals(treeSize(join(to, "a")), 7);
      });
    }
  },
);

Deno.test("a folder that is missing holds nothing", { ignore }, () => {
  withFolders(undefined, (from, to) => {
    shareTree(join(from, "missing"), to);
    assertEquals(treeSize(join(from, "missing")), 0);
    assertEquals(treeSize(to), 0);
  });
});
