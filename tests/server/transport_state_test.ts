/** The handle `pagi.transport` by itself (PAGI.md 4). */

import { configureLog } from "../../src/log/log.ts";
import { TransportState } from "../../src/server/response/transport_state.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";

/** A transport over a buffer that the test fills and empties. */
function transport(high = 100, low = 20) {
  const buffer = { bufferedBytes: 0 };
  const state = new TransportState(buffer, { high, low });
  const fired: string[] = [];
  const set = (bytes: number) => {
    buffer.bufferedBytes = bytes;
    state.update();
  };
  return { state, set, fired, buffer };
}

Deno.test("the handle tells amount and marks", () => {
  const { state, set } = transport();
  assertEquals(state.bufferedAmount(), 0);
  set(42);
  assertEquals(state.bufferedAmount(), 42);
  assertEquals([state.highWaterMark(), state.lowWaterMark()], [100, 20]);
});

Deno.test("onHighWater and onDrain alternate, once per cycle (PAGI.md 83)", () => {
  const { state, set, fired } = transport();
  const same = state
    .onHighWater(() => fired.push("high"))
    .onDrain(() => fired.push("drain"));
  assert(same === state);
  for (const bytes of [50, 99, 10, 0]) set(bytes);
  assertEquals(fired, []);
  for (const bytes of [100, 150, 99, 21, 20, 120]) set(bytes);
  assertEquals(fired, ["high"]);
  for (const bytes of [19, 0, 50, 99]) set(bytes);
  assertEquals(fired, ["high", "drain"]);
  for (const bytes of [200, 0]) set(bytes);
  assertEquals(fired, ["high", "drain", "high", "drain"]);
});

Deno.test("onHighWater fires at once where the mark is reached already (PAGI.md 83)", () => {
  const { state, set, fired } = transport();
  set(100);
  state.onHighWater(() => fired.push("high"));
  assertEquals(fired, ["high"]);
  set(130);
  assertEquals(fired, ["high"]);
  set(0);
  set(100);
  assertEquals(fired, ["high", "high"]);
});

Deno.test("callbacks fire in order and take no arguments", () => {
  const { state, set, fired } = transport();
  state.onHighWater((...args: unknown[]) => fired.push(`1 ${args.length}`));
  state.onHighWater((...args: unknown[]) => fired.push(`2 ${args.length}`));
  set(100);
  assertEquals(fired, ["1 0", "2 0"]);
});

Deno.test("a throwing callback is logged and the rest still run", () => {
  let log = "";
  configureLog({ level: "info", write: (text) => log += text });
  try {
    const { state, set, fired } = transport();
    const fail = () => {
      throw new Error("mistake");
    };
    state.onHighWater(fail).onHighWater(() => fired.push("high"));
    state.onDrain(fail).onDrain(() => fired.push("drain"));
    set(100);
    set(0);
    assertEquals(fired, ["high", "drain"]);
  } finally {
    configureLog({ level: "info" });
  }
  assertStringIncludes(log, "pagi.transport");
  assertStringIncludes(log, "mistake");
});

Deno.test("writers wait from the high mark until below the low one", async () => {
  const { state, set, fired } = transport();
  set(99);
  assertEquals(state.full, false);
  set(100);
  assertEquals(state.full, true);
  state.drained().then(() => fired.push("one"));
  state.drained().then(() => fired.push("two"));
  set(20);
  await Promise.resolve();
  assertEquals(fired, []);
  set(19);
  assertEquals(state.full, false);
  await Promise.resolve();
  assertEquals(fired, ["one", "two"]);
});

Deno.test("a buffer that is given up lets its writers go", async () => {
  const { state, set } = transport();
  set(100);
  const waiting = state.drained();
  state.release();
  assertEquals(await waiting, undefined);
});

Deno.test("an empty buffer has drained, whatever the low mark", () => {
  for (const [high, low] of [[100, 0], [1, 1], [0, 0]]) {
    const { state, set } = transport(high, low);
    set(high + 1);
    assertEquals(state.full, true);
    set(0);
    assertEquals(state.full, false);
  }
});
