/**
 * Workers that die, and signals, under requests.
 *
 * @module
 */

import { isAlive } from "../helpers/daemon.ts";
import { Load } from "../helpers/load.ts";
import { delay, until } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import type { Run, Scenario } from "./scenario.ts";

/** Runs `act` once a second under a steady load. */
async function everySecond(
  run: Run,
  act: (count: number) => Promise<unknown>,
): Promise<void> {
  const load = new Load({ host: "127.0.0.1", port: run.port });
  const count = run.short ? 1 : Math.ceil(run.seconds);
  for (let i = 0; i < count; i++) {
    await load.more(10);
    await act(i);
    await delay(run.short ? 0 : 1000);
  }
  await load.more(10);
  const { answered, failures, reopened } = await load.stop();
  run.tell("answered", answered);
  if (reopened > 0) {
    run.tell("kept connection closed between requests", reopened);
  }
  for (const failure of failures) run.tell(`lost: ${failure}`);
}

export const SIGNALS: readonly Scenario[] = [
  {
    name: "workers-die",
    does:
      "One of three workers ends every second, by Deno.exit, close() and an error that nobody catches in turn.",
    args: ["-w", "3", ...APP],
    options: { files: FILES },
    expectedLines: /Worker N|next worker|Workers: N/,
    round: (run) =>
      everySecond(run, async (i) => {
        const ways = ["/exit", "/close", "/stray"];
        await run.ask(ways[i % ways.length]);
        run.tell("a worker ended");
      }),
  },
  {
    name: "hup",
    does: "HUP every second under requests, to two workers.",
    args: ["-w", "2", ...APP],
    options: { files: FILES },
    expectedLines: /SIGHUP|Worker N|^info /,
    round: (run) =>
      everySecond(run, () => {
        run.program.signal("SIGHUP");
        run.tell("HUP");
        return Promise.resolve();
      }),
  },
  {
    name: "usr2",
    does: "USR2 every second under requests: a new process each time.",
    args: ["--pid", "%/pid", ...APP],
    options: { files: FILES },
    expectedLines: /^info /,
    round: (run) =>
      everySecond(run, async () => {
        const { pid } = run;
        Deno.kill(pid, "SIGUSR2");
        await until(() => {
          const next = Number(Deno.readTextFileSync(`${run.folder}/pid`));
          if (next > 0) run.pid = next;
          return run.pid !== pid && !isAlive(pid);
        });
        run.tell("USR2");
      }),
  },
];
