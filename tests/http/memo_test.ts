import { assertEquals } from "../../src/std/assert.ts";
import { memo } from "../../src/http/memo.ts";

/** A memo, and the texts that it worked on. */
function counted(
  limits?: Parameters<typeof memo>[1],
): { ask: (text: string) => string; worked: string[] } {
  const worked: string[] = [];
  const ask = memo((text) => {
    worked.push(text);
    return text.toUpperCase();
  }, limits);
  return { ask, worked };
}

Deno.test("a memo works once on a short text", () => {
  const { ask, worked } = counted();
  assertEquals([ask("a"), ask("b"), ask("a"), ask("")], ["A", "B", "A", ""]);
  assertEquals(ask(""), "");
  assertEquals(worked, ["a", "b", ""]);
});

Deno.test("a memo keeps no long text", () => {
  const { ask, worked } = counted({ length: 3 });
  for (const text of ["abc", "abcd", "abc", "abcd"]) {
    assertEquals(ask(text), text.toUpperCase());
  }
  assertEquals(worked, ["abc", "abcd", "abcd"]);
});

Deno.test("a memo forgets all when there are too many, and goes on", () => {
  const { ask, worked } = counted({ entries: 2 });
  for (const text of ["a", "b", "c", "c", "a"]) ask(text);
  assertEquals(worked, ["a", "b", "c", "a"]);
});

Deno.test("a memo remembers false as well", () => {
  let asked = 0;
  const never = memo(() => {
    asked++;
    return false;
  });
  assertEquals([never("a"), never("a"), asked], [false, false, 1]);
});
