import { assertEquals, assertNotMatch } from "../../src/std/assert.ts";
import {
  quote,
  shellWord,
  visibleLines,
} from "../../src/options/option_error.ts";

Deno.test("quote() keeps any value on one harmless line", () => {
  assertEquals(quote('a "b"'), '"a \\"b\\""');
  assertEquals(quote("😀"), '"😀"');
  assertEquals(quote(5), "5");
  assertEquals(quote(null), "null");
  assertEquals(quote(["a"]), "a list");
  assertEquals(quote({}), "an object");
  assertEquals(quote(() => 1), "a function");
  assertEquals(quote("x".repeat(200)).length, 103);
  assertNotMatch(
    quote("\0\r\n\x1b[31m\x7f\x9b\u2028\u202e\u2066\ufeff"),
    // deno-lint-ignore no-control-regex -- these are what must not be there
    /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/,
  );
});

Deno.test("visibleLines() shows what would act upon a terminal, and keeps lines", () => {
  assertEquals(
    visibleLines("é\n\tb\r\x1b[31m\u202e\u{e0041}\n"),
    "é\n\tb\\r\\x1b[31m\\u202e\\u{e0041}\n",
  );
});

Deno.test("shellWord() makes one word of which a shell runs nothing", async () => {
  for (
    const text of [
      "./app.ts",
      "my app",
      "$(exit 3)",
      "`exit 3`",
      "a'b;exit 3",
      "",
    ]
  ) {
    const { stdout, code } = await new Deno.Command("sh", {
      args: ["-c", `printf %s ${shellWord(text)}`],
    }).output();
    assertEquals([new TextDecoder().decode(stdout), code], [text, 0]);
  }
});
