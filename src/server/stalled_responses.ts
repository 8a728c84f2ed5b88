/** Ends responses that their client does not read. */

import type { Guard, Traffic } from "../guard/guard.ts";
import { type Timer, unref } from "../std/timer.ts";
import { FRAME, type Http2Connection } from "./http2_connection.ts";
import { type InFlight, type InFlightRequest, UNSEEN } from "./in_flight.ts";

/** State of a response when its client was last seen to read. */
interface Wait {
  readonly taken: number;
  /** When that was seen (ms). */
  readonly since: number;
  /** TCP's counters of the connection at the first check after that. */
  readonly traffic: Traffic | null;
  /** How often the wait restarted because TCP showed a frame as acknowledged. */
  readonly frames: number;
}

/** How often all responses are checked within one timeout. */
const CHECKS = 8;
/** Frames of one response that the engine buffers at most, by HTTP/2. */
const MAX_HELD = 5;
/** Shortest interval between two checks (ms). */
const MIN_INTERVAL_MS = 50;

/**
 * Ends each response whose client has read nothing of it for the time of
 * `--timeout`, whatever else happens on its connection. The guard cannot see
 * that by TCP: a client that does not open the flow-control window of an HTTP/2
 * stream (RFC 9113, 5.2) leaves no bytes unacknowledged.
 *
 * Responses that the app has yet to write do not count, nor do those behind
 * unacknowledged bytes, which are left to the guard. An HTTP/2 connection whose
 * streams are all stalled, or that has many stalled ones, is closed, because the
 * engine cannot reset a single stream.
 *
 * One timer checks all requests in flight, so nothing is done per request.
 */
export class StalledResponses {
  readonly #timeoutMs: number;
  readonly #inFlight: InFlight;
  readonly #guard: Guard | null;
  #waits = new Map<InFlightRequest, Wait>();
  #timer: Timer | undefined;

  /**
   * @param timeoutMs How long a client may read nothing (ms); 0 means no limit.
   * @param guard Reads TCP's counters; without it no response is ended.
   */
  constructor(timeoutMs: number, inFlight: InFlight, guard: Guard | null) {
    this.#timeoutMs = timeoutMs;
    this.#inFlight = inFlight;
    this.#guard = guard;
  }

  /** To be called when a request begins: starts the timer. */
  wake(): void {
    if (this.#timer !== undefined || this.#timeoutMs === 0) return;
    if (this.#guard === null) return;
    const step = Math.max(this.#timeoutMs / CHECKS, MIN_INTERVAL_MS);
    this.#timer = unref(setTimeout(() => this.#check(), step));
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    this.#timer = undefined;
    const now = performance.now();
    const waits = new Map<InFlightRequest, Wait>();
    const stalled: InFlightRequest[] = [];
    /** HTTP/2 connections with a response that is not stalled. */
    const alive = new Set<Http2Connection | null>();
    const traffics = new Map<string, Traffic | null>();
    const trafficOf = (exchange: InFlightRequest): Traffic | null => {
      const { peerKey } = exchange;
      let traffic = traffics.get(peerKey);
      if (traffic === undefined) {
        traffic = this.#guard!.traffic(exchange);
        traffics.set(peerKey, traffic);
      }
      return traffic;
    };
    for (const exchange of this.#inFlight) {
      if (!exchange.occupiesConnection) continue;
      const wait = this.#waitOf(exchange, now, trafficOf);
      if (wait !== null) waits.set(exchange, wait);
      if (
        wait !== null && now - wait.since >= this.#timeoutMs &&
        isStalled(wait.traffic, trafficOf(exchange))
      ) {
        stalled.push(exchange);
      } else alive.add(exchange.connection);
    }
    this.#waits = waits;
    const dropped = new Set<Http2Connection>();
    for (const exchange of stalled) {
      const { connection } = exchange;
      exchange.giveUp();
      if (connection === null || dropped.has(connection)) continue;
      const isStalled = connection.isWhole && !alive.has(connection);
      if (isStalled || connection.isStalled) {
        dropped.add(connection);
        exchange.dropShared("its client takes nothing");
      }
    }
    if (this.#inFlight.size > 0) this.wake();
  }

  /** Since when the client reads nothing; null if nothing is buffered for it. */
  #waitOf(
    exchange: InFlightRequest,
    now: number,
    trafficOf: (exchange: InFlightRequest) => Traffic | null,
  ): Wait | null {
    const { taken } = exchange;
    if (taken === null) return null;
    const known = this.#waits.get(exchange);
    if (
      known === undefined || known.taken !== taken ||
      taken === UNSEEN && (trafficOf(exchange)?.unacked ?? 0) > 0
    ) {
      return { taken, since: now, traffic: null, frames: 0 };
    }
    const before = known.traffic;
    if (before === null) return { ...known, traffic: trafficOf(exchange) };
    // When the engine has the whole response, only TCP shows whether it is read.
    const traffic = exchange.isGiven && known.frames < MAX_HELD
      ? trafficOf(exchange)
      : null;
    return traffic !== null && ackedSince(before, traffic) >= FRAME
      ? { taken, since: now, traffic, frames: known.frames + 1 }
      : known;
  }
}

/** True if the bytes that TCP held `before` no longer block a response. */
function isStalled(before: Traffic | null, now: Traffic | null): boolean {
  if (before === null || now === null) return false;
  return now.unacked === 0 || ackedSince(before, now) >= before.unacked;
}

function ackedSince(before: Traffic, now: Traffic): number {
  return (now.acked - before.acked) >>> 0;
}
