/**
 * Apps that do what an app should not.
 *
 * @module
 */

import { delay } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import type { Run, Scenario } from "./scenario.ts";

/** Calls `act` that many times, some at a time. */
export async function repeat(
  count: number,
  act: (index: number) => Promise<unknown>,
  parallel = 20,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (next < count) await act(next++);
  }));
}

/** So many times in a round. */
function times(run: Run, count: number): number {
  return run.short ? Math.ceil(count / 20) : count;
}

/** Requests to the bad path, and a good one after each tenth of them. */
async function bad(run: Run, target: string, count: number): Promise<void> {
  await repeat(times(run, count), async (i) => {
    await run.askAndTell(target);
    if (i % 10 === 0) await run.askAndTell("/");
  });
}

export const BAD_APPS: readonly Scenario[] = [
  {
    name: "app-throws",
    does:
      "The app throws for 1,000 requests a round before its response, and for 1,000 in the middle of it.",
    args: APP,
    options: { files: FILES },
    async round(run) {
      await bad(run, "/throw", 1000);
      await bad(run, "/late-throw", 1000);
    },
  },
  {
    name: "app-hangs",
    does:
      "The app never answers 200 requests a round; --request-timeout is one second.",
    args: ["--request-timeout", "1", ...APP],
    options: { files: FILES },
    round: (run) => repeat(times(run, 200), () => run.askAndTell("/hang"), 100),
  },
  {
    name: "app-blocks",
    does:
      "The app blocks one of two workers for three seconds; --heartbeat-timeout is one second.",
    args: ["-w", "2", "--heartbeat-timeout", "1", ...APP],
    options: { files: FILES },
    async round(run) {
      const blocked = run.askAndTell("/block");
      await repeat(times(run, 200), async () => {
        await run.askAndTell("/");
        await delay(20);
      }, 1);
      await blocked;
      // The replacement is there before the next round.
      await run.answers();
    },
  },
  {
    name: "app-leaks",
    does:
      "The app keeps 100 kB of each of 100 requests a round, until --max-requests replaces its worker.",
    args: ["-w", "2", "--max-requests", "200", ...APP],
    expectedLines: /--max-requests/,
    options: { files: FILES },
    round: (run) => bad(run, "/leak", 100),
  },
  {
    name: "app-floods-client",
    does:
      "The app sends without end to 20 clients a round that read some of it and leave.",
    args: APP,
    options: { files: FILES },
    round: (run) =>
      repeat(times(run, 20), async () => {
        using client = await run.connect();
        await client.request("GET /flood");
        for (let i = 0; i < 20 && await client.more(); i++);
        run.tell(`a reader: ${client.received.length > 0 ? "some" : "none"}`);
        await run.askAndTell("/");
      }),
  },
  {
    name: "app-floods-log",
    does:
      "The app writes 100 lines to the standard error for each of 200 requests a round.",
    args: APP,
    options: { files: FILES },
    round: (run) => bad(run, "/log", 200),
  },
];
