import { assertEquals, assertGreater } from "../../src/std/assert.ts";
import { IdleTimer } from "../../src/server/timers.ts";
import { delay } from "../helpers/wait.ts";

/** The milliseconds until a timer of 0.1 s calls back. */
async function fires(
  act: (timer: IdleTimer) => Promise<void>,
  silence?: () => number | null,
): Promise<number> {
  const began = performance.now();
  const idle = Promise.withResolvers<void>();
  const timer = new IdleTimer(0.1, idle.resolve, silence);
  await act(timer);
  // The timer alone keeps nothing running.
  const running = setInterval(() => {}, 1000);
  await idle.promise;
  clearInterval(running);
  return performance.now() - began;
}

Deno.test("an idle timer calls back when nothing has happened for its time", async () => {
  assertGreater(await fires(() => Promise.resolve()), 99);
});

Deno.test("what happens makes the time start anew", async () => {
  const took = await fires(async (timer) => {
    for (let i = 0; i < 3; i++) {
      await delay(60);
      timer.touch();
    }
  });
  assertGreater(took, 270);
});

Deno.test("what it is told of elsewhere counts as well", async () => {
  const began = performance.now();
  // Something happens after 150 ms.
  const silence = () => performance.now() - began - 150;
  assertGreater(await fires(() => Promise.resolve(), silence), 240);
});

Deno.test("an idle timer that was ended does not call back", async () => {
  let called = 0;
  const timer = new IdleTimer(0.02, () => called++);
  timer.end();
  await delay(60);
  assertEquals(called, 0);
});
