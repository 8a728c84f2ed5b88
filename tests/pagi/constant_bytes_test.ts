import { isImmutable, markImmutable } from "../../src/pagi/constant_bytes.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("parts of constant bytes are constant, and nothing else is", () => {
  const bytes = new Uint8Array(1000);
  assertEquals(isImmutable(bytes), false);
  markImmutable(bytes);
  assertEquals(isImmutable(bytes), true);
  assertEquals(isImmutable(bytes.subarray(100, 900)), true);
  assertEquals(isImmutable(bytes.slice()), false);
});
