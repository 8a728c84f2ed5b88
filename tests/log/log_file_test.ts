import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { until } from "../helpers/wait.ts";
import { child, inFolder, lineFile, linesOf } from "./log_file_folder.ts";

Deno.test("10,000 lines arrive whole and in order once the file is closed", async () => {
  await inFolder(async (folder, told) => {
    const path = join(folder, "access.log");
    const lines = Array.from(
      { length: 10_000 },
      (_, i) => `${i} ${"é".repeat(i % 150)}`,
    );
    const file = lineFile(path);
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
      const file = lineFile(path);
      file.write(line);
      await file.close();
    }
    assertEquals(await linesOf(path), ["first", "second"]);
    if (Deno.build.os === "linux") {
      assertEquals((await Deno.stat(path)).mode! & 0o137, 0);
    }
  });
});

Deno.test("a single line is written a moment later while nothing else happens", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "access.log");
    const file = lineFile(path);
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
    const file = lineFile(path);
    file.write("kept");
    const closed = file.close();
    file.write("dropped");
    await closed;
    file.write("dropped");
    file.flushSync();
    await file.reopen();
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

for (const [to, ...path] of [["stderr"], ["stdout", "-"]] as const) {
  const given = path.length === 0 ? "without a file" : "with - for a file";
  Deno.test(`${given} the lines go to ${to}, all of them`, async () => {
    const { code, stdout, stderr } = await child("stream", ...path).output();
    assertEquals(code, 0);
    const [lines, other] = to === "stderr"
      ? [stderr, stdout]
      : [stdout, stderr];
    assertEquals(other.length, 0);
    assertEquals(
      new TextDecoder().decode(lines),
      Array.from(
        { length: 5000 },
        (_, i) => `line ${i} ${"x".repeat(i % 100)}\n`,
      ).join(""),
    );
  });
}

Deno.test("a file that cannot be opened is named with the reason", async () => {
  await inFolder((folder) => {
    const { message } = assertThrows(
      () => lineFile(join(folder, "none", "access.log")),
      OptionError,
    );
    assert(message.startsWith(`--access-log "`), message);
    assertStringIncludes(
      message,
      `none/access.log" cannot be opened: No such file or directory`,
    );
    assertThrows(() => lineFile(folder), OptionError, "Is a directory");
    assertThrows(
      () => lineFile("a\0b"),
      OptionError,
      '--access-log "a\\u0000b"',
    );
    return Promise.resolve();
  });
});
