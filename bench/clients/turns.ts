/**
 * How a load client takes turns between servers that run side by side, and
 * what it tells the harness on its standard output.
 *
 * @module
 */

/** What came of all turns with one server. */
export interface Tally {
  /** How much was answered. */
  count: number;
  /** In how many seconds. */
  seconds: number;
  /** How long single answers took, in milliseconds, in no order. */
  latencies: number[];
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
/** The harness takes percentiles; it needs no more than this. */
const MAX_LATENCIES = 10_000;

const encoder = new TextEncoder();

/** The ports that a client is given: `8080,8081`. */
export function ports(text: string): number[] {
  return text.split(",").map(Number);
}

/**
 * Loads each server for so many seconds, in turns. The harness is told
 * `ready` when the load begins, and the tallies as JSON when it is over.
 */
export function takeTurns(loaders: readonly Loader[], seconds: number): void {
  turns(loaders, SETTLING);
  tellReady();
  const tallies = turns(loaders, seconds).map((tally) => ({
    ...tally,
    latencies: some(tally.latencies),
  }));
  let bytes = encoder.encode(JSON.stringify(tallies) + "\n");
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** Tells that all connections are open and the load begins. */
export function tellReady(): void {
  Deno.stdout.writeSync(encoder.encode("ready\n"));
}

function turns(loaders: readonly Loader[], seconds: number): Tally[] {
  const tallies: Tally[] = loaders.map(() => ({
    count: 0,
    seconds: 0,
    latencies: [],
  }));
  // One way round only: two turns in a row differ from one that comes alone.
  while (tallies.some((tally) => tally.seconds < seconds)) {
    loaders.forEach((loader, index) => turn(loader, tallies[index]));
  }
  return tallies;
}

function turn(loader: Loader, tally: Tally): void {
  const start = performance.now();
  loader.take(start + TURN, tally);
  tally.seconds += (performance.now() - start) / 1000;
}

function some(latencies: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(latencies.length / MAX_LATENCIES));
  return latencies.filter((_, index) => index % step === 0);
}
