/**
 * The first half of a stop: everything that is on comes to its end.
 *
 * @module
 */

import { ownDescriptors } from "../engine/own_descriptors.ts";
import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { WorkerContext } from "./context.ts";
import type { Listener } from "./listener.ts";
import type { Patience } from "./timers.ts";
import type { InFlight } from "./in_flight.ts";

/** How long uploads may begin that are waited for, after a stop (ms). */
const MEANWHILE_MS = 1000;
/** Between two looks for request bodies that are under way (ms). */
const LOOK_MS = 20;
/** How long connections that are cut off may take to close, in seconds. */
const CUT_SECONDS = 1;

/** How long a client that has just connected may take to ask (ms). */
const FIRST_REQUEST_MS = 50;

/**
 * How long clients are told that their connections end before the idle ones
 * are closed (ms). Closing one may meet the next request that its client has
 * just sent, which is lost then (RFC 9112, section 9.6); a client that got
 * `connection: close` sends none. The same time lets connections arrive that
 * the kernel has queued, and their first requests.
 */
export const LEAVE_MS = 250;

/**
 * Has clients leave, then takes no more connections, ends streams and
 * WebSockets, and waits for running requests; what is left when the wait is
 * over is cut off (PAGI.md 6). The worker is marked as leaving and as draining
 * already.
 *
 * HTTP/2 needs no such time: the engine sends GOAWAY, which tells clients which
 * of their requests were taken.
 *
 * @param alone True when all connections of the process are this server's.
 */
export async function drain(
  worker: WorkerContext,
  listeners: readonly Listener[],
  patience: Patience,
  alone: boolean,
): Promise<void> {
  const { inFlight, guard, settings } = worker;
  endStreams(worker);
  let hurried = false;
  if (guard === null || guard.count() > 0) {
    const left = worker.leavingSince! + LEAVE_MS - performance.now();
    hurried = left > 0 &&
      await patience.for(new Promise(() => {}), left / 1000) === "ended";
  }
  if (!hurried && guard !== null) {
    await closeIdle(worker, guard, listeners, alone);
  }
  // Let the Closes leave: the engine would send others, in its own words.
  if (endStreams(worker)) await new Promise((resume) => setTimeout(resume, 0));
  let closed: Promise<unknown> | null = null;
  const close = () =>
    closed ??= Promise.all(listeners.map((listener) => listener.shutdown()));
  const idle = inFlight.idle().then(() => {
    // The engine leaves it to HTTP/2 clients when their connections end.
    if (alone) guard?.endAll();
  });
  const arrived = bodiesArrived(inFlight);
  const drained = arrived.then(() => Promise.all([close(), idle]));
  if (
    hurried ||
    await patience.for(drained, settings.shutdownTimeout) !== "done"
  ) {
    cutOff(inFlight);
    await patience.for(Promise.all([close(), arrived]), CUT_SECONDS);
  }
  worker.stalls.clear();
  worker.starts.clear();
  worker.stalled.stop();
}

/**
 * Resolves when all that runs has its request body. A shutdown of the engine
 * takes away what it has yet to read of one ("underlying resource
 * unavailable"), so that uploads under way would be lost. For those that begin
 * meanwhile there has to be an end.
 */
async function bodiesArrived(inFlight: InFlight): Promise<void> {
  const first = [...inFlight];
  const end = performance.now() + MEANWHILE_MS;
  const some = () =>
    (performance.now() < end ? [...inFlight] : first)
      .some((exchange) => exchange.awaitsBody);
  while (some()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/**
 * Closes what is idle, such that no request is lost that has arrived. Where no
 * successor takes the new connections, the last of them come first.
 */
async function closeIdle(
  { draining }: WorkerContext,
  guard: Guard,
  listeners: readonly Listener[],
  alone: boolean,
): Promise<void> {
  if (draining === "stopped") {
    guard.dropHandshakes();
    await new Promise((resolve) => setTimeout(resolve, FIRST_REQUEST_MS));
  }
  const own = alone ? null : ownDescriptors();
  if (!alone && own === null) return;
  await guard.closeIdle(
    own,
    (socket) => listeners.some((listener) => listener.isHttp2(socket)),
  );
}

/** Ends event streams and WebSockets; true when there are WebSockets. */
function endStreams({ inFlight, draining }: WorkerContext): boolean {
  let closes = false;
  for (const exchange of inFlight) {
    exchange.drain(draining!);
    closes ||= exchange.kind === "websocket";
  }
  return closes;
}

/** Says what still runs, and ends it. */
function cutOff(inFlight: InFlight): void {
  for (const exchange of inFlight) {
    log.warn(
      `Still running at the end of the wait, and cut off: ${exchange.describe()} (${
        exchange.age.toFixed(1)
      } s, response ${exchange.life}).`,
    );
    exchange.disconnect("server_shutdown");
    exchange.dropConnection();
  }
}
