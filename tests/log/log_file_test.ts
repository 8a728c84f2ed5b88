import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { configureLog } from "../../src/log/log.ts";
import { LogFile } from "../../src/log/log_file.ts";

const linux = Deno.build.os === "linux";
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const CHILD = fromFileUrl(new URL("log_file_child.ts", import.meta.url));
const LONG = "x".repeat(1000);

/** Runs `body` in a folder of its own, and gives it what the log says. */
async function inFolder(
  body: (folder: string, told: string[]) => Promise<void>,
): Promise<void> {
  const outer = await Deno.makeTempDir();
  const folder = join(outer, `log "file" é'\\ %20`);
  await Deno.mkdir(folder);
  const told: string[] = [];
  configureLog({ level: "info", write: (text) => told.push(text.slice(25)) });
  try {
    await body(folder, told);
  } finally {
    configureLog({ level: "info" });
    await Deno.remove(outer, { recursive: true });
  }
}

async function linesOf(path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  assertEquals(lines.pop(), "", "the last line has its end");
  return lines;
}

/** Waits until `holds`, which is looked at often, for five seconds at most. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!await holds()) {
    assert(performance.now() < deadline, `never came true: ${holds}`);
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function child(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--config", CONFIG, CHILD, ...args],
  });
}

Deno.test("10,000 lines arrive whole and in order once the file is closed", async () => {
  await inFolder(async (folder, told) => {
    const path = join(folder, "access.log");
    const lines = Array.from(
      { length: 10_000 },
      (_, i) => `${i} ${"é".repeat(i % 150)}`,
    );
    const file = new LogFile(path);
    for (const [i, line] of lines.entries()) {
      file.write(line);
      if (i % 700 === 0) await new Promise((resume) => setTimeout(resume));
    }
    await file.close();
    assertEquals(await linesOf(path), lines);
    assertEquals(told, []);
  });
});

Deno.test("lines come after what the file held, and others cannot read a new file", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    for (const line of ["first", "second"]) {
      const file = new LogFile(path);
      file.write(line);
      await file.close();
    }
    assertEquals(await linesOf(path), ["first", "second"]);
    if (linux) assertEquals((await Deno.stat(path)).mode! & 0o137, 0);
  });
});

Deno.test("a single line is written a moment later while nothing else happens", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const file = new LogFile(path);
    file.write("alone");
    assertEquals(await Deno.readTextFile(path), "");
    await until(() => Deno.readTextFileSync(path) === "alone\n");
    await file.close();
  });
});

Deno.test("a process that just ends, or exits after flushSync, loses no line", async () => {
  await inFolder(async (folder) => {
    for (const act of ["idle", "exit"]) {
      const path = join(folder, act);
      assertEquals((await child(act, path).output()).code, 0);
      assertEquals(await linesOf(path), ["the last line"]);
    }
  });
});

Deno.test("lines after close are dropped, and closing twice does no harm", async () => {
  await inFolder(async (folder, told) => {
    const path = join(folder, "access.log");
    const file = new LogFile(path);
    file.write("kept");
    const closed = file.close();
    file.write("dropped");
    await closed;
    file.write("dropped");
    file.flushSync();
    await file.close();
    assertEquals(await linesOf(path), ["kept"]);
    assertEquals(told, []);
  });
});

Deno.test("the lines of several writers stay whole in one file", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const names = ["a", "b", "c"];
    await Promise.all(names.map(async (name) => {
      assertEquals((await child("lines", path, name).output()).code, 0);
    }));
    const lines = await linesOf(path);
    assertEquals(lines.length, 12_000);
    for (const name of names) {
      assertEquals(
        lines.filter((line) => line.startsWith(name)),
        Array.from(
          { length: 4000 },
          (_, i) => `${name} ${i} ${name.repeat(i % 200)}`,
        ),
      );
    }
  });
});

Deno.test("reopen() leaves earlier lines in the moved file and starts a new one", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const file = new LogFile(path);
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
    const files = [new LogFile(moved), new LogFile(deleted)];
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
    const file = new LogFile(path);
    file.write("gone");
    file.flushSync();
    await Deno.truncate(path);
    file.write("new");
    await file.close();
    assertEquals(await linesOf(path), ["new"]);
  });
});

Deno.test("a file that cannot be opened is named with the reason", async () => {
  await inFolder((folder) => {
    const { message } = assertThrows(
      () => new LogFile(join(folder, "none", "access.log")),
      OptionError,
    );
    assert(message.startsWith(`--access-log "`), message);
    assertStringIncludes(
      message,
      `none/access.log" cannot be opened: No such file or directory`,
    );
    assertThrows(() => new LogFile(folder), OptionError, "Is a directory");
    assertThrows(
      () => new LogFile("a\0b"),
      OptionError,
      '--access-log "a\\u0000b"',
    );
    return Promise.resolve();
  });
});

Deno.test("when its folder has gone, the old file is used further and the log says so once", async () => {
  await inFolder(async (folder, told) => {
    const inner = join(folder, "inner");
    await Deno.mkdir(inner);
    const path = join(inner, "access.log");
    const file = new LogFile(path);
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
      "cannot be opened anew, and the old file is used further: No such file or directory.",
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
      const file = new LogFile(path);
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
          ...[
            "run",
            "-A",
            "--no-lock",
            "--config",
            CONFIG,
            CHILD,
            "torn",
            path,
          ],
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
      const file = new LogFile(path);
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

Deno.test("without a file the lines go to stderr, all of them", async () => {
  const { code, stdout, stderr } = await child("stderr").output();
  assertEquals([code, stdout.length], [0, 0]);
  assertEquals(
    new TextDecoder().decode(stderr),
    Array.from({ length: 5000 }, (_, i) => `line ${i} ${"x".repeat(i % 100)}\n`)
      .join(""),
  );
});
