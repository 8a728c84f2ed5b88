/** How long to wait before a crashed worker is replaced. */

import { assertEquals } from "../../src/std/assert.ts";
import { CrashPause } from "../../src/process/crash_pause.ts";

Deno.test("the first crash is replaced at once, the next ones ever later, up to half a minute", () => {
  const pause = new CrashPause();
  const pauses = Array.from({ length: 12 }, () => pause.after(50));
  assertEquals(pauses.slice(0, 5), [0, 100, 200, 400, 800]);
  assertEquals(pauses.slice(-2), [30_000, 30_000]);
});

Deno.test("a worker that served for a while ends the back-off", () => {
  const pause = new CrashPause();
  for (let count = 0; count < 6; count++) pause.after(50);
  assertEquals(pause.after(60_000), 0);
  assertEquals(pause.after(50), 100);
});
