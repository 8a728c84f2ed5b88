import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { until } from "../helpers/wait.ts";
import {
  exists,
  inFolder,
  lineFile,
  linesOf,
  RUN_CHILD,
} from "./log_file_folder.ts";

const linux = Deno.build.os === "linux";
const LONG = "x".repeat(1000);

Deno.test("reopen() leaves earlier lines in the moved file and starts a new one", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const file = lineFile(path);
    file.write("before");
    await Deno.rename(path, `${path}.1`);
    file.write("still before");
    const reopened = file.reopen();
    await reopened;
    file.write("after");
    await file.close();
    assertEquals(await linesOf(`${path}.1`), ["before", "still before"]);
    assertEquals(await linesOf(path), ["after"]);
  });
});

Deno.test("a file that was moved or deleted is opened anew by itself, and a moved one keeps its lines", async () => {
  await inFolder(async (folder, told) => {
    const moved = join(folder, "moved.log");
    const deleted = join(folder, "deleted.log");
    const files = [lineFile(moved), lineFile(deleted)];
    let count = 0;
    const write = () => {
      for (const file of files) file.write(`line ${count}`);
      count++;
    };
    write();
    await until(() =>
      Deno.statSync(moved).size * Deno.statSync(deleted).size > 0
    );
    await Deno.rename(moved, `${moved}.1`);
    await Deno.remove(deleted);
    await until(() => {
      write();
      return exists(moved) && exists(deleted);
    });
    for (const file of files) await file.close();
    assertEquals(
      [...await linesOf(`${moved}.1`), ...await linesOf(moved)],
      Array.from({ length: count }, (_, i) => `line ${i}`),
    );
    assertEquals((await linesOf(deleted)).at(-1), `line ${count - 1}`);
    assertEquals(told, []);
  });
});

Deno.test("a file that was cut off goes on at its new end", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const file = lineFile(path);
    file.write("gone");
    file.flushSync();
    await Deno.truncate(path);
    file.write("new");
    await file.close();
    assertEquals(await linesOf(path), ["new"]);
  });
});

Deno.test("when its folder has gone, the old file is used further and the log says so once", async () => {
  await inFolder(async (folder, told) => {
    const inner = join(folder, "inner");
    await Deno.mkdir(inner);
    const path = join(inner, "access.log");
    const file = lineFile(path);
    await Deno.link(path, join(folder, "link"));
    await Deno.remove(inner, { recursive: true });
    for (const line of ["a", "b"]) {
      file.write(line);
      await file.reopen();
    }
    assertEquals(await linesOf(join(folder, "link")), ["a", "b"]);
    assertEquals(told.length, 1);
    assertStringIncludes(
      told[0],
      "cannot be reopened, so the old file stays in use: No such file or directory.",
    );
    await Deno.mkdir(inner);
    await file.reopen();
    file.write("c");
    await file.close();
    assertEquals(await linesOf(path), ["c"]);
    assertEquals(told.length, 1);
  });
});

Deno.test({
  name:
    "a full disk is told once, costs lines only, and ends with their number",
  ignore: !linux,
  async fn() {
    await inFolder(async (folder, told) => {
      const path = join(folder, "access.log");
      await Deno.symlink("/dev/full", path);
      const file = lineFile(path);
      for (let i = 0; i < 3; i++) {
        file.write(`lost ${i}`);
        await file.reopen();
      }
      file.write("lost 3");
      file.flushSync();
      assertEquals(told.length, 1);
      assertStringIncludes(told[0], "warn  The access log ");
      assertStringIncludes(told[0], " loses lines: No space left on device.");
      await Deno.remove(path);
      await file.reopen();
      file.write("kept");
      await file.close();
      assertEquals(await linesOf(path), ["kept"]);
      assertStringIncludes(told[1], " is written again; 4 lines were lost.");
    });
  },
});

Deno.test({
  name: "a line that was cut by a full disk does not swallow the next one",
  ignore: !linux,
  async fn() {
    await inFolder(async (folder) => {
      const path = join(folder, "access.log");
      // With the signal ignored, a file beyond the limit is an error (EFBIG).
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args: [
          "-c",
          `trap '' XFSZ; ulimit -f 8; exec "$0" "$@"`,
          Deno.execPath(),
          ...RUN_CHILD,
          "torn",
          path,
        ],
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      const told: string[] = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(told.length, 2);
      assertStringIncludes(told[0], " loses lines: File too large.");
      // 83 lines of 98 bytes fit in 8 KiB.
      assertStringIncludes(told[1], " is written again; 18 lines were lost.");
      const lines = await linesOf(path);
      assertEquals(lines.slice(4), [
        `4 ${"x".repeat(95)}`,
        "5 xxxxxxxx",
        "whole",
      ]);
    });
  },
});

Deno.test({
  name:
    "while nobody reads, memory is bounded: lines are dropped, counted and told",
  ignore: !linux,
  async fn() {
    await inFolder(async (folder, told) => {
      const path = join(folder, "pipe");
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const opening = Deno.open(path, { read: true });
      const file = lineFile(path);
      const reader = await opening;
      let count = 0;
      while (told.length === 0) {
        file.write(`${count++} ${LONG}`);
        if (count % 100 === 0) {
          await new Promise((resume) => setTimeout(resume));
        }
        assert(count < 20_000, "memory grows without bound");
      }
      assertStringIncludes(
        told[0],
        " loses lines: it cannot be written as fast as lines come.",
      );
      for (let i = 0; i < 9; i++) file.write("lost");
      const reading = new Response(reader.readable).text();
      await file.reopen();
      await file.close();
      const lines = (await reading).trimEnd().split("\n");
      assertEquals(
        lines,
        Array.from({ length: count - 1 }, (_, i) => `${i} ${LONG}`),
      );
      assertEquals(told.length, 2);
      assertStringIncludes(told[1], " is written again; 10 lines were lost.");
    });
  },
});
