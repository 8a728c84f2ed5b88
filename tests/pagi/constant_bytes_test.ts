import { declareConstant, isConstant } from "../../src/pagi/constant_bytes.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("parts of constant bytes are constant, and nothing else is", () => {
  const bytes = new Uint8Array(1000);
  assertEquals(isConstant(bytes), false);
  declareConstant(bytes);
  assertEquals(isConstant(bytes), true);
  assertEquals(isConstant(bytes.subarray(100, 900)), true);
  assertEquals(isConstant(bytes.slice()), false);
});
