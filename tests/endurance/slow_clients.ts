/**
 * Clients that are slow on purpose, with a normal one beside them.
 *
 * @module
 */

import { fromFileUrl } from "../../src/std/path.ts";
import { delay } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import { processorTime, type Run, type Scenario } from "./scenario.ts";

/** How many of each kind. */
const CLIENTS = 300;
/** Between two bytes of a slow client (ms). */
const PACE_MS = 1000;
/** What the normal client may lose (p99 with them to p99 without). */
const MOST = 3;
const ATTACK = fromFileUrl(new URL("slow_attack.ts", import.meta.url));

/** Slow clients, see `slow_attack.ts`. */
type Kind = "heads" | "bodies" | "readers";

/** `count` slow clients, in a process of their own. */
class Attack {
  readonly #child: Deno.ChildProcess;

  constructor(readonly kind: Kind, port: number, count: number, pace: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        ATTACK,
        kind,
        ...[port, count, pace].map(String),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  }

  /** Ends it; tells how many were opened and cut off. */
  async end(): Promise<{ opened: number; cut: number }> {
    await this.#child.stdin.close();
    const { stdout } = await this.#child.output();
    const [, report] = new TextDecoder().decode(stdout).split("\n");
    return JSON.parse(report);
  }
}

/** Response times of one request after another on a kept connection (p99, ms). */
async function p99(run: Run, seconds: number): Promise<number> {
  using connection = await run.connect();
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || times.length < 100) {
    const began = performance.now();
    await connection.request("GET /");
    const { status } = await connection.response();
    times.push(performance.now() - began);
    run.tell(`the normal client: ${status}`);
    await delay(2);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)];
}

/** `CLIENTS` of each kind, with a normal client before and beside them. */
async function crowd(run: Run, kinds: readonly Kind[]): Promise<void> {
  const alone = await p99(run, run.seconds / 2);
  const attacks = kinds.map((kind) =>
    run.short
      ? new Attack(kind, run.port, 20, 50)
      : new Attack(kind, run.port, CLIENTS, PACE_MS)
  );
  const arriving = await p99(run, run.short ? 0 : 2 * PACE_MS / 1000);
  if (!run.short) await calm(run.pid);
  const beside = await p99(run, run.seconds / 2);
  for (const attack of attacks) {
    const { opened, cut } = await attack.end();
    run.tell(`slow ${attack.kind}: connected`, opened);
    if (cut > 0) run.tell(`slow ${attack.kind}: cut off`, cut);
    run.check(
      opened >= (run.short ? 1 : CLIENTS),
      `only ${opened} slow ${attack.kind} were connected`,
    );
  }
  run.figure("p99 alone", alone, "ms");
  run.figure("p99 while they arrive", arriving, "ms");
  run.figure("p99 beside them", beside, "ms");
  run.figure("ratio", beside / alone, "");
}

/**
 * Waits until the buffers of slow readers are full: up to then they are clients
 * that take as much as they get.
 */
async function calm(pid: number): Promise<void> {
  for (let i = 0, quiet = 0; i < 60 && quiet < 3; i++) {
    const before = processorTime(pid);
    await delay(500);
    quiet = processorTime(pid) - before < 100 ? quiet + 1 : 0;
  }
}

function slowScenario(
  name: string,
  does: string,
  kinds: readonly Kind[],
): Scenario {
  return {
    name,
    does,
    args: ["--timeout", "5", ...APP],
    options: { files: FILES },
    round: (run) => crowd(run, kinds),
    judge: (run) =>
      run.check(
        run.median("ratio") <= MOST,
        `p99 of the normal client is more than ${MOST} times as long`,
      ),
  };
}

export const SLOW_CLIENTS: readonly Scenario[] = [
  slowScenario(
    "slow-heads",
    `${CLIENTS} clients send a byte of a request head each second.`,
    ["heads"],
  ),
  slowScenario(
    "slow-bodies",
    `${CLIENTS} clients send a byte of a request body each second.`,
    ["bodies"],
  ),
  slowScenario(
    "slow-readers",
    `${CLIENTS} clients read 1,000 bytes of an answer of 64 MB each second.`,
    ["readers"],
  ),
  slowScenario(
    "slow-all",
    `Slow heads, slow bodies and slow readers, ${CLIENTS} of each at once.`,
    ["heads", "bodies", "readers"],
  ),
];
