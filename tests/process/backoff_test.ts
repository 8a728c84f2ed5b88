/** How long to wait before something that failed is tried again. */

import { assertEquals } from "../../src/std/assert.ts";
import { Backoff, CrashPause } from "../../src/process/worker_health.ts";

Deno.test("the first crash is replaced at once, the next ones ever later, up to half a minute", () => {
  const pause = new CrashPause();
  const pauses = Array.from({ length: 12 }, () => pause.after(50));
  assertEquals(pauses.slice(0, 5), [0, 100, 200, 400, 800]);
  assertEquals(pauses.slice(-2), [30_000, 30_000]);
});

Deno.test("a worker that served for a while ends the back-off", () => {
  const pause = new CrashPause();
  for (let count = 0; count < 6; count++) pause.after(50);
  for (const served of [60_000, 1500, 1000]) {
    assertEquals(pause.after(served), 0);
  }
  assertEquals(pause.after(50), 100);
});

Deno.test("what fails again and again is tried ever later, and after a success soon", () => {
  const backoff = new Backoff();
  const pauses = Array.from({ length: 12 }, () => backoff.next());
  assertEquals(pauses.slice(0, 4), [100, 200, 400, 800]);
  assertEquals(pauses.at(-1), 30_000);
  backoff.reset();
  assertEquals(backoff.next(), 100);
});
