import { assert, assertEquals } from "../../src/std/assert.ts";
import { isCloseCode, isCloseReason } from "../../src/pagi/websocket_events.ts";

Deno.test("a Close frame carries 1000 to 1003, 1007 to 1014 and 3000 to 4999, and nothing else", () => {
  const allowed = [];
  for (let code = -10; code <= 70_000; code++) {
    if (isCloseCode(code)) allowed.push(code);
  }
  const range = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i);
  assertEquals(allowed, [
    ...range(1000, 1003),
    ...range(1007, 1014),
    ...range(3000, 4999),
  ]);
  for (const code of [1000.5, NaN, Infinity]) assert(!isCloseCode(code));
});

Deno.test("a close reason has at most 123 bytes of UTF-8", () => {
  for (
    const [character, most] of [["x", 123], ["é", 61], ["名", 41], [
      "😀",
      30,
    ]] as const
  ) {
    assert(isCloseReason(character.repeat(most)), character);
    assert(!isCloseReason(character.repeat(most + 1)), character);
  }
  assert(isCloseReason(""));
  assert(isCloseReason("\ud800".repeat(41)));
  assert(!isCloseReason("\ud800".repeat(42)));
});
