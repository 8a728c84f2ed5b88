/** The queue by itself. */

import { assertEquals } from "../../src/std/assert.ts";
import { Queue } from "../../src/server/response/outbound_body.ts";

Deno.test("a queue gives its items in the order in which they came", () => {
  const queue = new Queue<number>();
  const taken: (number | undefined)[] = [];
  let next = 0;
  // More come than go, then more go than come: each turn of both.
  for (const [pushes, shifts] of [[1, 1], [5, 2], [1, 4], [700, 1], [3, 702]]) {
    for (let i = 0; i < pushes; i++) queue.push(next++);
    for (let i = 0; i < shifts; i++) taken.push(queue.shift());
    assertEquals(queue.length, next - taken.length);
  }
  assertEquals(taken.slice(0, next), Array.from({ length: next }, (_, i) => i));
  assertEquals([queue.length, queue.shift()], [0, undefined]);
});
