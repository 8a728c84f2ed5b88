import { assertEquals } from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";

const CHILD = fromFileUrl(
  new URL("./adopted_children_child.ts", import.meta.url),
);

async function fate(word: string): Promise<unknown> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CHILD, word],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

Deno.test({
  name:
    "adopted children are buried when they have ended, and Deno's own left to it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    assertEquals(await Promise.all(["bury", "leave"].map(fate)), [
      { wereDead: true, left: "", own: true },
      { wereDead: true, left: "ZZZ", own: true },
    ]);
  },
});
