/**
 * The first half of a shutdown: requests, streams and WebSockets come to their
 * end.
 */

import { ownDescriptors } from "../engine/own_descriptors.ts";
import type { Guard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import type { WorkerContext } from "./context.ts";
import type { Listener } from "./listener.ts";
import type { GracePeriod } from "./timers.ts";
import type { InFlight } from "./in_flight.ts";
import { delay, settledWithin } from "../std/timer.ts";

/** Time after the stop in which a new upload is waited for as well (ms). */
const UPLOAD_GRACE_MS = 1000;
/** Interval between two polls for request bodies that are under way (ms). */
const POLL_INTERVAL_MS = 20;
/** A connection without traffic for so long is idle (ms). */
export const IDLE_MS = 1000;
/** Connections that were cut off may take this long to close (s). */
const CUT_SECONDS = 1;

/**
 * Time between the first `connection: close` and the closing of idle
 * connections (ms). A request that arrives while its connection is closed is
 * lost (RFC 9112, section 9.6); a client that got `connection: close` sends
 * none. Connections that wait in the kernel's queue are accepted in this time
 * as well.
 */
export const LEAVE_MS = 250;

/** Grace times of clients (ms). Tests that have no clients left set them to 0. */
export const CLIENT_TIME = {
  /** From the first `connection: close` until idle connections are closed. */
  leave: LEAVE_MS,
  /** From connecting until the first request. */
  firstRequest: 50,
};

/**
 * Gives clients time to close their connections, stops accepting, ends event
 * streams and WebSockets, and waits for the requests in flight; what still runs
 * after `--shutdown-timeout` is cut off (PAGI.md 6). To be called after
 * `leavingSince` and `draining` were set.
 *
 * HTTP/2 clients need no such time: the engine sends them GOAWAY, which names
 * the last request that was taken (RFC 9113, 6.8). The connections of those
 * that do not respond to it, because they have vanished, are closed.
 *
 * @param alone True when all connections of the process are this server's.
 */
export async function drain(
  worker: WorkerContext,
  listeners: readonly Listener[],
  grace: GracePeriod,
  alone: boolean,
): Promise<void> {
  const { inFlight, guard, settings } = worker;
  endStreams(worker);
  let hurried = false;
  // Nothing would be sent on idle connections in this time.
  if (guard === null || guard.activeWithin(IDLE_MS).size > 0) {
    const left = worker.leavingSince! + CLIENT_TIME.leave -
      performance.now();
    hurried = left > 0 &&
      await grace.wait(new Promise(() => {}), left / 1000) === "ended";
  }
  if (!hurried && guard !== null) {
    if (worker.draining === "stopped") {
      // No successor accepts new connections.
      guard.dropHandshakes();
      await delay(CLIENT_TIME.firstRequest);
    }
    await closeIdle(
      guard,
      alone,
      (socket) => listeners.some((listener) => listener.isHttp2(socket)),
    );
  }
  // Lets the Close frames be sent first: the engine would send its own.
  if (endStreams(worker)) await delay(0);
  let closed: Promise<unknown> | null = null;
  const close = () =>
    closed ??= Promise.all(listeners.map((listener) => listener.shutdown()));
  const arrived = bodiesArrived(inFlight);
  let isCut = false;
  let closing: Promise<void> | null = null;
  const drained = arrived.then(async () => {
    const closed = close();
    await inFlight.idle();
    if (guard === null) return await closed;
    while (!await settledWithin(closed, LEAVE_MS) && !isCut) {
      const active = guard.activeWithin(IDLE_MS);
      closing = closeIdle(guard, alone, (socket) => active.has(socket));
      await closing;
    }
  });
  if (
    hurried ||
    await grace.wait(drained, settings.shutdownTimeout) !== "done"
  ) {
    isCut = true;
    cutOff(inFlight);
    await grace.wait(Promise.all([close(), arrived]), CUT_SECONDS);
    await closing; // before the guard is closed
  }
  worker.stalls.clear();
  worker.starts.clear();
  worker.stalled.stop();
}

/**
 * Resolves when the request bodies of all requests in flight have arrived. The
 * engine's shutdown drops bodies that it has not read yet ("underlying resource
 * unavailable"), so uploads under way would be lost. New uploads may begin
 * meanwhile; after UPLOAD_GRACE_MS only those present at the stop are awaited.
 */
async function bodiesArrived(inFlight: InFlight): Promise<void> {
  const first = [...inFlight];
  const end = performance.now() + UPLOAD_GRACE_MS;
  const some = () =>
    (performance.now() < end ? [...inFlight] : first)
      .some((exchange) => exchange.awaitsBody);
  while (some()) {
    await delay(POLL_INTERVAL_MS);
  }
}

/** Closes this server's idle connections without losing a request that has arrived. */
async function closeIdle(
  guard: Guard,
  alone: boolean,
  isExempt: (connection: object) => boolean,
): Promise<void> {
  const own = alone ? null : ownDescriptors();
  if (alone || own !== null) await guard.closeIdle(own, isExempt);
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

/** Logs which requests are still in flight, and ends them. */
function cutOff(inFlight: InFlight): void {
  for (const exchange of inFlight) {
    log.warn(
      `Still running and now cut off: ${exchange.describe()} (${
        exchange.age.toFixed(1)
      } s, response ${exchange.life}).`,
    );
    exchange.disconnect("server_shutdown");
    exchange.dropConnection();
  }
}
