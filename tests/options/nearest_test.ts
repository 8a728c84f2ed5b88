import { assertEquals } from "../../src/std/assert.ts";
import { didYouMean, nearest } from "../../src/options/option_error.ts";

Deno.test("nearest() finds the name that was meant", () => {
  const names = ["--port", "--host", "--pid", "--max-connections", "--help"];
  for (
    const [word, name] of [
      ["--prot", "--port"],
      ["--prt", "--port"],
      ["--portt", "--port"],
      ["--PORT", "--port"],
      ["--hots", "--host"],
      ["--max-conn", "--max-connections"],
      ["--max-conections", "--max-connections"],
      ["--max_connections", "--max-connections"],
      ["--future-xs", null],
      ["--x", null],
      ["", null],
    ] as const
  ) {
    assertEquals(nearest(word, names), name, word);
  }
  assertEquals(nearest("a", []), null);
});

Deno.test("nearest() prefers fewer errors to the order of the names", () => {
  assertEquals(nearest("workes", ["works", "worker", "workers"]), "works");
  assertEquals(nearest("workrs", ["worker", "workers"]), "workers");
});

Deno.test("didYouMean() ends a sentence or adds nothing", () => {
  assertEquals(didYouMean("prot", ["port"]), "; did you mean port?");
  assertEquals(didYouMean("zzzzzz", ["port"]), "");
});
