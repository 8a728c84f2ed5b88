/**
 * Clients that are slow on purpose, with a normal one beside them.
 *
 * @module
 */

import type { RawConnection } from "../helpers/raw_connection.ts";
import { delay } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import { processorTime, type Run, type Scenario } from "./scenario.ts";

/** How many of each kind. */
const CLIENTS = 300;
/** Between two bytes of a slow client (ms). */
const DRIP_MS = 500;
/** What the normal client may lose (p99 with them to p99 without). */
const MOST = 3;

type Slow = (client: RawConnection, over: () => boolean) => Promise<void>;

/** Sends `start`, and then a byte at a time. */
function drip(start: string, byte: string): Slow {
  return async (client, over) => {
    await client.send(start);
    while (!over()) {
      await delay(DRIP_MS);
      await client.send(byte);
    }
  };
}

const heads = drip("GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ", "x");
const bodies = drip(
  "POST /body HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n",
  "x",
);
/** Takes 1,000 bytes at a time of an answer that no buffer holds. */
const readers: Slow = async ({ connection }, over) => {
  const head = "GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n";
  await connection.write(new TextEncoder().encode(head));
  const bytes = new Uint8Array(1000);
  while (!over() && await connection.read(bytes) !== null) {
    await delay(DRIP_MS);
  }
};

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
async function crowd(run: Run, kinds: readonly Slow[]): Promise<void> {
  const count = run.short ? 20 : CLIENTS;
  const alone = await p99(run, run.seconds / 2);
  let over = false;
  let open = 0;
  const clients = kinds.flatMap((slow) =>
    Array.from({ length: count }, async (_, i) => {
      // Real ones do not come in the same millisecond.
      await delay(run.short ? 0 : i * 10);
      while (!over) {
        try {
          using client = await run.connect();
          open++;
          await slow(client, () => over);
        } catch {
          run.tell("a slow client: cut off");
          // A busy machine is not to be asked again at once.
          await delay(100);
        }
      }
    })
  );
  const arriving = await p99(run, 0);
  while (open < count * kinds.length) await delay(10);
  if (!run.short) await calm(run.pid);
  const beside = await p99(run, run.seconds / 2);
  over = true;
  await Promise.all(clients);
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
  kinds: readonly Slow[],
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
    `${CLIENTS} clients send a byte of a request head every half second.`,
    [heads],
  ),
  slowScenario(
    "slow-bodies",
    `${CLIENTS} clients send a byte of a request body every half second.`,
    [bodies],
  ),
  slowScenario(
    "slow-readers",
    `${CLIENTS} clients read 1,000 bytes of an answer of 64 MB every half second.`,
    [readers],
  ),
  slowScenario(
    "slow-all",
    `Slow heads, slow bodies and slow readers, ${CLIENTS} of each at once.`,
    [heads, bodies, readers],
  ),
];
