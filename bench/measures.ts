/**
 * Measures of a server that is started for them alone.
 *
 * @module
 */

import { DESCRIPTORS } from "./command.ts";
import type { Contender } from "./contenders.ts";
import { type Figures, NotThere } from "./figures.ts";
import { idleConnections, requests } from "./load.ts";
import { cpuSince } from "./process_usage.ts";
import { RunningServer } from "./running_server.ts";
import type { Workplace } from "./workplace.ts";

/** Starts a contender and measures it. */
export type Measure = (
  contender: Contender,
  workplace: Workplace,
  quick: boolean,
) => Promise<Figures>;

const IDLE = 10_000;
/** What the harness, the listener and the files of a program need beside. */
const SPARE = 100;
/** For memory to be given back and counted (ms). */
const REST = 500;

/** From the start of the program to its first answer, and what that took. */
export const firstAnswer: Measure = async (contender, workplace) => {
  const start = performance.now();
  await using server = await RunningServer.start(contender, workplace);
  return {
    start: performance.now() - start,
    start_cpu: cpuSince(new Map(), server.threadTimes()) * 1000,
  };
};

/** What each of 10,000 silent connections costs that got an answer. */
export const idleMemory: Measure = async (contender, workplace, quick) => {
  const count = quick ? IDLE / 10 : IDLE;
  if (DESCRIPTORS < count + SPARE) {
    throw new NotThere(
      `${count} connections need ulimit -n ${
        count + SPARE
      }; it is ${DESCRIPTORS}`,
    );
  }
  await using server = await RunningServer.start(contender, workplace);
  await requests(server, 2 * count); // as much work as the connections bring
  await rest();
  const before = server.memory();
  await using _idle = await idleConnections(server.port, count);
  await rest();
  return { connection: (server.memory() - before) / count };
};

/** Memory after the start, after 10,000 requests, and after a million. */
export const memoryOverTime: Measure = async (contender, workplace, quick) => {
  const [few, many] = quick ? [1000, 10_000] : [10_000, 1_000_000];
  await using server = await RunningServer.start(contender, workplace);
  await rest();
  const rss_idle = server.memory();
  await requests(server, few);
  await rest();
  const rss_few = server.memory();
  await requests(server, many - few);
  await rest();
  return { rss_idle, rss_few, rss_many: server.memory() };
};

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST));
}
