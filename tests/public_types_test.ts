import { assertEquals } from "../src/std/assert.ts";
import { fromFileUrl } from "../src/std/path.ts";
import config from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/**
 * Documented elsewhere: options in the one table of options, constructors and
 * overrides with their class and with what they override.
 */
const ELSEWHERE =
  /options\/settings\.ts|^\s*\d+ \| +(constructor\(|override )/m;

Deno.test("everything public is documented, and refers to public types only", async () => {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...Object.values(config.exports)],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const found = new TextDecoder().decode(stderr).split(/^(?=error\[)/m)
    .filter((text) => text.startsWith("error["))
    .filter((text) =>
      !text.startsWith("error[missing-jsdoc]") || !ELSEWHERE.test(text)
    );
  assertEquals(found, []);
});
