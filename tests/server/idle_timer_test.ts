import { assertEquals } from "../../src/std/assert.ts";
import { IdleTimer } from "../../src/server/timers.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

Deno.test("an idle timer calls back once when nothing has happened for its time", async () => {
  using clock = new FakeClock();
  let called = 0;
  new IdleTimer(10, () => called++);
  await clock.advance(9_999);
  assertEquals(called, 0);
  await clock.advance(60_000);
  assertEquals(called, 1);
});

Deno.test("what happens makes the time start anew", async () => {
  using clock = new FakeClock();
  let called = 0;
  const timer = new IdleTimer(10, () => called++);
  for (let i = 0; i < 3; i++) {
    await clock.advance(6_000);
    timer.touch();
  }
  await clock.advance(9_999);
  assertEquals(called, 0);
  await clock.advance(1);
  assertEquals(called, 1);
});

Deno.test("what it is told of elsewhere counts as well", async () => {
  using clock = new FakeClock();
  const began = performance.now();
  let called = 0;
  // Something happens after 15 s, which nobody tells.
  new IdleTimer(10, () => called++, () => performance.now() - began - 15_000);
  await clock.advance(24_999);
  assertEquals(called, 0);
  await clock.advance(1);
  assertEquals(called, 1);
});

Deno.test("an idle timer that was ended does not call back", async () => {
  using clock = new FakeClock();
  let called = 0;
  const timer = new IdleTimer(10, () => called++);
  timer.end();
  await clock.advance(60_000);
  assertEquals(called, 0);
});
