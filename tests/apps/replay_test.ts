import { Replay } from "../../src/apps/cascade.ts";
import type { ReceiveEvent } from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";

/** Whether a body in parts of these sizes is kept whole up to `limit` bytes. */
async function isKept(limit: number, sizes: number[]): Promise<boolean> {
  const events = sizes.map((size, i): ReceiveEvent => ({
    type: "http.request",
    body: new Uint8Array(size),
    more: i < sizes.length - 1 ? 1 : 0,
  }));
  // Not by shift(), which moves the rest of a long array each time.
  const next = events.values();
  const replay = new Replay(() => Promise.resolve(next.next().value!), limit);
  const receive = replay.fromStart();
  for (const _ of sizes) await receive();
  return replay.isWhole;
}

Deno.test("a body of as many bytes as the limit says is kept, however it is cut", async () => {
  const cases: [limit: number, sizes: number[], kept: boolean][] = [
    [1 << 20, [1 << 20], true],
    [1 << 20, [1 << 20, 0], true],
    [1 << 20, Array(64).fill(16_384), true],
    [1 << 20, [1 << 20, 1], false],
    [1 << 20, [(1 << 20) + 1], false],
    [5, [1, 1, 1, 1, 1], true],
    [0, [0], true],
    [0, [1], false],
  ];
  for (const [limit, sizes, kept] of cases) {
    assertEquals(await isKept(limit, sizes), kept, `${limit}: ${sizes}`);
  }
});

Deno.test("a body in crumbs is not kept where they take more than the limit", async () => {
  assertEquals(await isKept(100_000, Array(90_000).fill(1)), false);
});
