import { assertEquals, assertNotEquals } from "../../src/std/assert.ts";
import { dirname, fromFileUrl } from "../../src/std/path.ts";
import { knownCommand } from "../../src/process/own_process.ts";
import type { Outcome, Told } from "./own_process_child.ts";

const ignore = Deno.build.os !== "linux";
const FOLDER = dirname(fromFileUrl(import.meta.url));

/** Runs the child, which starts itself; resolves with what each prints. */
async function run(...args: string[]): Promise<[Told, Outcome]> {
  // Tests of other files may have variables in this process.
  const env = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !name.startsWith("PAGI_")
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "./own_process_child.ts", ...args],
    cwd: FOLDER,
    clearEnv: true,
    env: { ...Object.fromEntries(env), NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  const [outcome, told = null] = lines.toReversed().map((line) =>
    JSON.parse(line)
  );
  return [told, outcome];
}

Deno.test(
  "a program that is started again has the same words and folder, though it left the folder",
  { ignore },
  async () => {
    const words = ["tell", "", "-D", "two words", "it's\n\u{1F4DC}"];
    const [told] = await run(...words);
    assertEquals(told.args, words);
    assertEquals(told.folder, FOLDER);
    assertEquals(told.startedAs, "successor");
    assertEquals(told.extra, "it's\n\u{1F4DC}");
    assertNotEquals(told.session, told.pid);
  },
);

Deno.test("what tells a program that it was started again stays with it", {
  ignore,
}, async () => {
  const [told, { inherited }] = await run("tell");
  assertEquals(told.variables, []);
  assertEquals(told.inherited, inherited);
});

Deno.test("a daemon has a session of its own", { ignore }, async () => {
  const [told] = await run("tell daemon");
  assertEquals([told.startedAs, told.session], ["daemon", told.pid]);
});

Deno.test("who started a program learns that it serves, or how it ended", {
  ignore,
}, async () => {
  const end = (code: number, signal: Deno.Signal | null) => ({
    success: code === 0,
    code,
    signal,
  });
  for (
    const [task, status] of [
      ["serve", null],
      ["end", end(0, null)],
      ["fail", end(3, null)],
      ["be killed", end(137, "SIGKILL")],
    ] as const
  ) {
    const [, outcome] = await run(task);
    assertEquals(outcome.status, status, task);
  }
});

Deno.test(
  "a command is known by the path that started it, not by where its links lead",
  { ignore },
  async () => {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.symlinkSync(Deno.execPath(), `${folder}/link`);
      const source = new URL(
        "../../src/process/own_process.ts",
        import.meta.url,
      );
      const code = `import { ownCommand } from "${source}";
      Deno.chdir("/"); console.log(JSON.stringify(ownCommand()));`;
      Deno.writeTextFileSync(
        `${folder}/a.ts`,
        code.replace("Deno.chdir", "void"),
      );
      const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
      const { stdout } = await new Deno.Command("./link", {
        args: ["run", "-A", "-c", config, "a.ts", "x"],
        cwd: folder,
      }).output();
      assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
        command: `${Deno.realPathSync(folder)}/link`,
        args: ["run", "-A", "-c", config, "a.ts", "x"],
        folder: Deno.realPathSync(folder),
      });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

Deno.test(
  "a command found by its name alone is known by its file",
  { ignore },
  () => {
    const command = knownCommand();
    assertEquals(
      Deno.realPathSync(command!.command),
      Deno.realPathSync(Deno.execPath()),
    );
  },
);
