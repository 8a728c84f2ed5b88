/** Who is late and who is blocked. */

import { assertEquals } from "../../src/std/assert.ts";
import { beatInterval, Heartbeat } from "../../src/process/worker_health.ts";
import type { WorkerHandle } from "../../src/process/worker_handle.ts";
import { delay, until } from "../helpers/wait.ts";

/** All that a heartbeat looks at. */
function worker(number: number): WorkerHandle {
  return { number, seenAt: performance.now() } as WorkerHandle;
}

Deno.test("workers beat five times in the timeout, and once a second at least (PAGI.md section 6)", () => {
  assertEquals(beatInterval(2), 400);
  assertEquals(beatInterval(50), 1000);
});

Deno.test("a silent worker is late first, then blocked; one that is late and back is told of as well", async () => {
  const silent = worker(1);
  const returning = worker(2);
  let workers = [silent, returning];
  const events: string[] = [];
  const heartbeat = new Heartbeat(0.5, () => workers, {
    onLate(worker, late) {
      events.push(`${worker.number} ${late ? "late" : "back"}`);
      if (worker === returning && late) returning.seenAt = performance.now();
    },
    onBlocked(worker) {
      events.push(`${worker.number} blocked`);
      workers = workers.filter((other) => other !== worker);
    },
  });
  await until(() => events.includes("1 blocked"));
  heartbeat.stop();
  const silence = events.filter((event) => event.startsWith("1"));
  // Where this thread itself stood still, it is back and late once more.
  assertEquals(silence[0], "1 late");
  assertEquals(silence.slice(-2), ["1 late", "1 blocked"]);
  assertEquals(events.filter((event) => event.startsWith("2")).slice(0, 2), [
    "2 late",
    "2 back",
  ]);
});

Deno.test("silence is not counted while this thread itself did not run", async () => {
  const silent = worker(1);
  const events: string[] = [];
  const heartbeat = new Heartbeat(0.5, () => [silent], {
    onLate: () => events.push("late"),
    onBlocked: () => events.push("blocked"),
  });
  const end = performance.now() + 800;
  while (performance.now() < end);
  await delay(50);
  assertEquals(events, []);
  heartbeat.stop();
});
