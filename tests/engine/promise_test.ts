/** What is known of a promise without waiting for it. */

import { resultOf } from "../../src/engine/promise.ts";
import { assertEquals } from "../../src/std/assert.ts";

const pending = new Promise(() => {});

Deno.test("the result of a promise that is fulfilled is known at once", () => {
  assertEquals(resultOf(Promise.resolve("result")), "result");
  // deno-lint-ignore require-await
  assertEquals(resultOf((async () => "result")()), "result");
});

Deno.test("a promise that is rejected, or may be, has no result", async () => {
  const rejected = Promise.reject(new Error("expected"));
  assertEquals(resultOf(rejected), undefined);
  await rejected.catch(() => {});
  while (resultOf(Promise.resolve(1)) !== 1) continue;
  assertEquals(resultOf(pending), undefined);
});

Deno.test("after a promise that is pending, some are not looked at", () => {
  while (resultOf(Promise.resolve(1)) !== 1) continue;
  assertEquals(resultOf(pending), undefined);
  assertEquals(resultOf(Promise.resolve(1)), undefined);
  while (resultOf(Promise.resolve(1)) !== 1) continue;
  assertEquals(resultOf(Promise.resolve(1)), 1);
});
