/** What programs see of a listing that they know only as HTML. */

import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runProgram, testWith } from "../helpers/programs.ts";
import { startProgram } from "../helpers/run_program.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const NAMES = Array.from({ length: 1500 }, (_, i) => `f${i}.txt`);
const FILES = Object.fromEntries(NAMES.map((name) => [name, ""]));

/** The names of files beneath `folder`, with the folders on their way. */
function filesIn(folder: string, before = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? filesIn(join(folder, name), `${before}${name}/`)
      : [before + name]
  ).sort();
}

testWith(["rclone"], "rclone sees all of 1,500 files", async () => {
  await using program = await startProgram(["-p", "0"], { files: FILES });
  const { text } = await runProgram("rclone", [
    "--config=/dev/null",
    "lsf",
    `--http-url=${program.url}/`,
    ":http:",
  ]);
  assertEquals(text.trim().split("\n").sort(), NAMES.toSorted());
});

testWith(["lftp"], "lftp sees all of 1,500 files", async () => {
  await using program = await startProgram(["-p", "0"], { files: FILES });
  const { text } = await runProgram("lftp", [
    "--norc",
    "-c",
    `set net:timeout 20; set net:max-retries 1; open ${program.url}/; cls -1`,
  ]);
  assertEquals(text.trim().split("\n").sort(), NAMES.toSorted());
});

testWith(
  ["wget"],
  "wget -r fetches each file once, no archives and no other orders",
  async () => {
    const files = { "a/b/data.bin": "data", "a/one.txt": "", "two ü.txt": "" };
    await using program = await startProgram(
      ["-p", "0", "--access-log-format", "%r"],
      { files },
    );
    const folder = tempFolder();
    try {
      const { success } = await runProgram("wget", [
        "--no-config",
        "-q",
        "-r",
        "-np",
        "-nH",
        "-e",
        "robots=off",
        "-P",
        folder,
        `${program.url}/`,
      ]);
      assertEquals(success, true);
      assertEquals(
        filesIn(folder).filter((name) => !name.endsWith(".html")),
        [
          ...Object.keys(files),
        ].sort(),
      );
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
    const { stderr } = await program.stop();
    const targets = [...stderr.matchAll(/GET (\S+)/g)].map(([, path]) => path);
    assertMatch(targets.join(" "), /^[^?]*$/);
    assertEquals(targets.length, new Set(targets).size);
  },
);
