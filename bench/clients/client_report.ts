/**
 * What a load client tells the harness on its standard output.
 *
 * @module
 */

/** The last line of a client, as JSON. */
export interface ClientReport {
  /** How much was answered. */
  readonly count: number;
  /** In how many seconds. */
  readonly seconds: number;
  /** How long single answers took, in milliseconds, in no order. */
  readonly latencies: readonly number[];
}

const encoder = new TextEncoder();
/** The harness takes percentiles; it needs no more than this. */
const MAX_LATENCIES = 10_000;

/** Tells that all connections are open and the load begins. */
export function tellReady(): void {
  Deno.stdout.writeSync(encoder.encode("ready\n"));
}

/** Tells how the load went. */
export function tellReport({ count, seconds, latencies }: ClientReport): void {
  const step = Math.max(1, Math.ceil(latencies.length / MAX_LATENCIES));
  const some = latencies.filter((_, index) => index % step === 0);
  const line = JSON.stringify({ count, seconds, latencies: some });
  let bytes = encoder.encode(line + "\n");
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}
