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
import { delay } from "../std/timer.ts";

/** Time after the stop in which a new upload is waited for as well (ms). */
const UPLOAD_GRACE_MS = 1000;
/** Interval between two polls for request bodies that are under way (ms). */
const POLL_INTERVAL_MS = 20;
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
 * the last request that was taken (RFC 9113, 6.8).
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
  if (guard === null || guard.count() > 0) {
    const left = worker.leavingSince! + CLIENT_TIME.leave -
      performance.now();
    hurried = left > 0 &&
      await grace.wait(new Promise(() => {}), left / 1000) === "ended";
  }
  if (!hurried && guard !== null) {
    await closeIdle(worker, guard, listeners, alone);
  }
  // Lets the Close frames be sent first: the engine would send its own.
  if (endStreams(worker)) await delay(0);
  let closed: Promise<unknown> | null = null;
  const close = () =>
    closed ??= Promise.all(listeners.map((listener) => listener.shutdown()));
  const idle = inFlight.idle().then(() => {
    // The engine waits for HTTP/2 clients to close their connections.
    if (alone) guard?.endAll();
  });
  const arrived = bodiesArrived(inFlight);
  const drained = arrived.then(() => Promise.all([close(), idle]));
  if (
    hurried ||
    await grace.wait(drained, settings.shutdownTimeout) !== "done"
  ) {
    cutOff(inFlight);
    await grace.wait(Promise.all([close(), arrived]), CUT_SECONDS);
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

/**
 * Closes idle connections without losing a request that has arrived. If no
 * successor takes new connections, those that were just made get a moment for
 * their first request.
 */
async function closeIdle(
  { draining }: WorkerContext,
  guard: Guard,
  listeners: readonly Listener[],
  alone: boolean,
): Promise<void> {
  if (draining === "stopped") {
    guard.dropHandshakes();
    await delay(CLIENT_TIME.firstRequest);
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
