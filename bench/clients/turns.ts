/**
 * How a load client takes turns between servers that run side by side, and
 * what it tells the harness on its standard output.
 *
 * @module
 */

import { cpuSince, threadTimes } from "../process_usage.ts";

/** What came of all turns with one server. */
export interface Tally {
  /** How much was answered. */
  count: number;
  /** In how many seconds. */
  seconds: number;
  /** Seconds of processor time that the server took in them. */
  cpu: number;
  /** How long single answers took, in milliseconds, in no order. */
  latencies: number[];
  /** How much of other work was done. */
  beside?: number;
}

/** What loads one server. */
export interface Loader {
  /**
   * Asks until `performance.now()` is past `end`, then waits for all that it
   * asked for: nothing is on its way while others have their turn.
   */
  take(end: number, tally: Tally): void;
}

/**
 * Milliseconds of a turn: the machine is faster at times, for seconds, and
 * what lies between two turns is shared by all.
 */
const TURN = 50;
/**
 * Seconds of turns that do not count: at first a server is slower, and the
 * more so the more it keeps for each of many new clients.
 */
const SETTLING = 1;
/** The harness takes percentiles, 99.9 % at most; it needs no more. */
const MAX_LATENCIES = 50_000;

/**
 * Loads each server for so many seconds, in turns, and tells the harness the
 * tallies as JSON.
 *
 * @param servers Ports and processes as a client is given them:
 * `8080:123,8081:124`.
 * @param turn Its length in milliseconds.
 */
export function takeTurns(
  servers: string,
  loaderOf: (port: number) => Loader,
  seconds: number,
  turn = TURN,
): void {
  const pairs = servers.split(",").map((pair) => pair.split(":").map(Number));
  const loaders = pairs.map(([port]) => loaderOf(port));
  const pids = pairs.map(([, pid]) => pid);
  turns(loaders, pids, Math.min(SETTLING, seconds), turn);
  const tallies = turns(loaders, pids, seconds, turn).map((tally) => ({
    ...tally,
    latencies: some(tally.latencies),
  }));
  let bytes = new TextEncoder().encode(JSON.stringify(tallies) + "\n");
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

function turns(
  loaders: readonly Loader[],
  pids: readonly number[],
  seconds: number,
  length: number,
): Tally[] {
  const tallies: Tally[] = loaders.map(() => ({
    count: 0,
    seconds: 0,
    cpu: 0,
    latencies: [],
  }));
  // One way round only: two turns in a row differ from one that comes alone.
  while (tallies.some((tally) => tally.seconds < seconds)) {
    loaders.forEach((loader, index) => {
      try {
        turn(loader, pids[index], tallies[index], length);
      } catch (error) {
        throw new Error(`[${index}] ${error}`);
      }
    });
  }
  return tallies;
}

function turn(
  loader: Loader,
  pid: number,
  tally: Tally,
  length: number,
): void {
  const before = threadTimes(pid);
  const start = performance.now();
  loader.take(start + length, tally);
  tally.seconds += (performance.now() - start) / 1000;
  tally.cpu += cpuSince(before, threadTimes(pid));
}

function some(latencies: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(latencies.length / MAX_LATENCIES));
  return latencies.filter((_, index) => index % step === 0);
}
