/**
 * The programs of docs/engine-wishes.md, which show what Deno lacks.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { TempFolder } from "../helpers/temp_folder.ts";

const PAGE = fromFileUrl(
  new URL("../../docs/engine-wishes.md", import.meta.url),
);
const PROGRAM = /```ts\n(.*?)```\n\n```(text|console)\n(.*?)```/gs;

async function deno(...args: string[]): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

Deno.test("the programs that show what Deno lacks have no errors of type", async () => {
  const [code, , stderr] = await deno("check", "--doc-only", PAGE);
  assertEquals(code, 0, stderr);
});

Deno.test({
  name: "Deno lacks what docs/engine-wishes.md says",
  // What another version prints is news and no fault.
  ignore: Deno.build.os !== "linux" || Deno.version.deno !== "2.9.6",
  async fn() {
    using folder = new TempFolder();
    const parts = Deno.readTextFileSync(PAGE).split("\n## ").slice(1);
    assert(parts.length > 6);
    await Promise.all(parts.map(async (part, index) => {
      const [title] = part.split("\n", 1);
      const programs = [...part.matchAll(PROGRAM)];
      assertEquals(programs.length, 1, title);
      const [[, program, output, printed]] = programs;
      // Figures, which differ each time.
      if (output === "console") return;
      const path = folder.write(`${index}.ts`, program);
      const [, stdout] = await deno("run", "-A", "--no-config", path);
      assertEquals(stdout, printed, title);
    }));
  },
});
