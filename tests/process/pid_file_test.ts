import {
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { configureLog } from "../../src/log/log.ts";
import { commandLine } from "../../src/process/own_process.ts";
import { PidFile } from "../../src/process/pid_file.ts";
import { SystemError } from "../../src/system/libc.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const linux = Deno.build.os === "linux";

/** A folder for the test, and the path of a pid file in it. */
function inFolder(body: (path: string, folder: string) => void): void {
  const folder = tempFolder();
  try {
    body(join(folder, "it's a \u{1F4DC}.pid"), folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

/** Calls `body` while a process lives, whose words are `sleep` and `words`. */
async function whileAlive(
  words: readonly string[],
  body: (pid: number) => void,
): Promise<void> {
  // The shell waits for its input, and knows nothing of its further words.
  const child = new Deno.Command("sh", {
    args: ["-c", "echo; read x", ...words],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  try {
    await output.read(); // it has become what it is
    body(child.pid);
  } finally {
    await output.cancel();
    await child.stdin.close();
    await child.status;
  }
}

/** What this program is called in the command line of a process. */
function ownName(): string {
  return commandLine("self")!.slice(0, -Deno.args.length || undefined).at(-1)!;
}

Deno.test("the pid file holds the process id and a line end, and everybody may read it", () => {
  inFolder((path, folder) => {
    const file = new PidFile(path);
    assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o644);
    assertEquals(names(folder).length, 1);
    file.remove();
    assertEquals(names(folder), []);
  });
});

Deno.test("a stale pid file is replaced: empty, garbage, of no process, of this very process", () => {
  for (
    const text of [
      "",
      "\n",
      "no number",
      "12 34",
      "-1",
      "0",
      "1e3",
      "99999999999999999999",
      "4194305", // above the largest id that Linux gives
      `${Deno.pid}`,
    ]
  ) {
    inFolder((path, folder) => {
      Deno.writeTextFileSync(path, text);
      new PidFile(path);
      assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
      assertEquals(names(folder).length, 1);
    });
  }
});

Deno.test("the pid file of another program that lives is stale", {
  ignore: !linux,
}, async () => {
  await whileAlive([], (pid) => {
    inFolder((path) => {
      Deno.writeTextFileSync(path, `${pid}\n`);
      new PidFile(path);
      assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    });
  });
});

Deno.test("the pid file of a server that lives is refused, and stays", {
  ignore: !linux,
}, async () => {
  await whileAlive([`/elsewhere/${ownName()}`], (pid) => {
    inFolder((path, folder) => {
      Deno.writeTextFileSync(path, `${pid}\n`);
      const error = assertThrows(() => new PidFile(path), SystemError);
      assertEquals(
        error.message,
        `--pid ${path}: the server of this file is running as process ${pid}. Stop it, or choose another file.`,
      );
      assertEquals(Deno.readTextFileSync(path), `${pid}\n`);
      assertEquals(names(folder).length, 1);
    });
  });
});

Deno.test(
  "a pid file older than the process with its id is stale: ids are used again",
  { ignore: !linux },
  async () => {
    await whileAlive([ownName()], (pid) => {
      inFolder((path) => {
        Deno.writeTextFileSync(path, `${pid}\n`);
        const hourAgo = Date.now() / 1000 - 3600;
        Deno.utimeSync(path, hourAgo, hourAgo);
        new PidFile(path);
        assertEquals(Deno.readTextFileSync(path), `${Deno.pid}\n`);
      });
    });
  },
);

Deno.test(
  "a process that takes over replaces the pid file of the one that lives, which leaves it alone then",
  { ignore: !linux },
  async () => {
    await whileAlive([ownName()], (pid) => {
      inFolder((path) => {
        const old = new PidFile(path);
        Deno.writeTextFileSync(path, `${pid}\n`); // as the successor would
        old.remove();
        assertEquals(Deno.readTextFileSync(path), `${pid}\n`);
        new PidFile(path, { replace: true }).remove();
        assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
      });
    });
  },
);

Deno.test("removing a pid file that is gone says nothing", () => {
  inFolder((path) => {
    const file = new PidFile(path);
    Deno.removeSync(path);
    const said: string[] = [];
    configureLog({ level: "debug", write: (text) => void said.push(text) });
    file.remove();
    configureLog({ level: "info" });
    assertEquals(said, []);
  });
});

Deno.test("what is no pid file is never overwritten", () => {
  inFolder((path, folder) => {
    const [file, link, app] = ["target", "link", "app.ts"].map((name) =>
      join(folder, name)
    );
    Deno.writeTextFileSync(file, "1\n");
    Deno.symlinkSync(file, link);
    Deno.writeTextFileSync(app, "export default 1;".repeat(9));
    Deno.mkdirSync(path);
    for (const given of [path, link, app, "/dev/null"]) {
      const error = assertThrows(() => new PidFile(given), SystemError);
      assertEquals(
        error.message,
        `--pid ${given}: this file is not a pid file. Remove it, or choose another path.`,
      );
    }
    assertEquals(Deno.readTextFileSync(file), "1\n");
    assertEquals(Deno.lstatSync("/dev/null").isCharDevice, linux);
    assertEquals(names(folder).length, 4);
  });
});

Deno.test("a pid file that cannot be written is named, with the reason", () => {
  inFolder((path, folder) => {
    for (
      const [given, reason] of [
        [join(folder, "missing", "a.pid"), "No such file or directory"],
        [join("/proc", "a.pid"), ""],
      ]
    ) {
      const error = assertThrows(() => new PidFile(given), SystemError);
      assertMatch(error.message, /^--pid \S+ cannot be written: \w[^()]+$/);
      assertEquals(error.message.includes(`${given} cannot`), true);
      assertEquals(error.message.endsWith(reason), true);
    }
    Deno.writeTextFileSync(path, "");
    const inFile = join(path, "a.pid");
    assertThrows(() => new PidFile(inFile), SystemError, "Not a directory");
  });
});
