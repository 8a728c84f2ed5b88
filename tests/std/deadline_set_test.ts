/** Many waits of the same length (src/std/timer.ts). */

import { DeadlineSet } from "../../src/std/timer.ts";
import { assertEquals, assertLess } from "../../src/std/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

Deno.test("a wait is over after its time, in the order of beginning", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(50);
  const began = performance.now();
  const due: [string, number][] = [];
  const note = (name: string) => () =>
    due.push([name, performance.now() - began]);
  set.add(note("first"));
  await clock.advance(25);
  set.add(note("second"));
  await clock.advance(100);
  assertEquals(due, [["first", 50], ["second", 75]]);
  set.clear();
});

Deno.test("a cancelled wait is never over; cancelling again does nothing", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(20);
  const due: number[] = [];
  const waits = [1, 2, 3].map((i) => set.add(() => due.push(i)));
  set.cancel(waits[1]);
  set.cancel(waits[1]);
  set.cancel(null);
  await clock.advance(60);
  assertEquals(due, [1, 3]);
  set.cancel(waits[0]);
});

Deno.test("a wait may begin when another is over", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(20);
  let count = 0;
  const again = () => {
    if (++count < 3) set.add(again);
  };
  set.add(again);
  await clock.advance(150);
  assertEquals(count, 3);
});

Deno.test("a pause without waits ends nothing", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(20);
  let due = 0;
  set.cancel(set.add(() => due++));
  await clock.advance(50);
  set.add(() => due++);
  await clock.advance(50);
  assertEquals(due, 1);
});

Deno.test("0 milliseconds mean for ever", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(0);
  let due = 0;
  assertEquals(set.add(() => due++), null);
  await clock.advance(20);
  assertEquals(due, 0);
});

Deno.test("clear ends all waits", async () => {
  using clock = new FakeClock();
  const set = new DeadlineSet(20);
  let due = 0;
  set.add(() => due++);
  set.clear();
  await clock.advance(50);
  assertEquals(due, 0);
});

Deno.test("waits do not keep the process alive", async () => {
  const module = new URL("../../src/std/timer.ts", import.meta.url);
  const code = `import { DeadlineSet } from ${JSON.stringify(module.href)};
    new DeadlineSet(60_000).add(() => {});`;
  const began = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
  }).output();
  assertEquals(success, true);
  assertLess(performance.now() - began, 30_000);
});
