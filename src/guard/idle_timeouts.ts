/**
 * The deadline of connections on which nothing happens.
 *
 * @module
 */

import { type Connection, type Connections, CpuBudget } from "./connections.ts";
import type { TcpState } from "./sockets.ts";

/** Why a deadline closed a connection (PAGI.md 4). */
export type TimeoutReason =
  | "idle_timeout"
  | "keepalive_timeout"
  | "write_timeout";

/** The peers with a request running, or null when nobody can tell. */
export type PeersRunning = Iterable<string> | null;

/** What the deadlines need to know. */
interface IdleTimeoutOptions {
  /** How long nothing may happen (ms). */
  timeoutMs: number;
  /** The peers with a request running; null when that cannot be told now. */
  runningPeers(): PeersRunning | Promise<PeersRunning>;
  onClose(peer: string, reason: TimeoutReason): void;
}

/** A connection when it was first seen without a request. */
interface Idleness {
  /** Milliseconds, `performance.now()`. */
  readonly since: number;
  /** Bytes that were sent by then, modulo 2³², in so many segments. */
  readonly sent: number;
  readonly segments: number;
}

/** The most of all time that may go into scans. */
const SHARE = 0.02;
/**
 * So many bytes that a client has not acknowledged are the rest of an answer
 * that the engine has done with, and no answers to pings.
 */
const MORE_THAN_PINGS = 16_384;
/**
 * Segments that have so many bytes, in the mean, are no answers to pings: those
 * have 17 (RFC 9113, 6.7), and up to 29 more by TLS. The shortest answer of the
 * engine by HTTP/1 has 64.
 */
const MORE_THAN_A_PING = 48;
/** Looks in the time of the deadline, at least. */
const SCANS = 4;

/**
 * Closes a connection that, for the length of the deadline,
 * - had no request running and was sent nothing: it is idle, or its request's
 *   head does not arrive, be it drop by drop (the deadline counts from the
 *   handshake or from the last response);
 * - had no request at all, whatever it was sent: by HTTP/2, pings are answered;
 * - took none of the bytes that wait to be sent to it, whatever runs on it.
 */
export class IdleTimeouts {
  readonly #connections: Connections;
  readonly #options: IdleTimeoutOptions;
  /** Since when a connection has no request, as scans saw it. */
  readonly #idleSince = new WeakMap<Connection, Idleness>();
  readonly #budget = new CpuBudget(SHARE, Infinity);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    connections: Connections,
    options: IdleTimeoutOptions,
  ) {
    this.#connections = connections;
    this.#options = options;
    this.#wait(options.timeoutMs);
  }

  /** Enforces nothing any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    const timer = setTimeout(() => void this.#check(), ms);
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  async #check(): Promise<void> {
    const { timeoutMs, runningPeers } = this.#options;
    const began = performance.now();
    this.#connections.refresh();
    const due = [...this.#connections.all()].filter((connection) =>
      connection.tcp && connection.due <= began
    );
    this.#budget.spend(began);
    if (due.length > 0) {
      const peers = await runningPeers();
      if (this.#stopped) return;
      const now = performance.now();
      const running = peers === null ? null : new Set(peers);
      for (const connection of due) {
        connection.due = this.#enforce(
          connection,
          now,
          running === null || running.has(connection.peer),
        );
      }
      this.#budget.spend(now);
    }
    const now = performance.now();
    let next = now + timeoutMs / SCANS;
    for (const { tcp, due } of this.#connections.all()) {
      if (tcp) next = Math.min(next, due);
    }
    this.#wait(
      Math.max(
        next - now,
        timeoutMs / 20,
        50,
        Math.min(this.#budget.rest, timeoutMs / 4),
      ),
    );
  }

  /** Closes the connection if its time is over; else tells when that may be. */
  #enforce(connection: Connection, now: number, running: boolean): number {
    const { timeoutMs, onClose } = this.#options;
    const state = this.#connections.sockets.tcpState(connection);
    const sure = connection.overdue;
    connection.overdue = false;
    if (state === null) return now + timeoutMs;
    const busy = running || state.unacked > MORE_THAN_PINGS;
    const idle = this.#idle(connection, now, busy, state);
    if (running && !state.pending) return now + timeoutMs / SCANS;
    let untaken = 0;
    if (state.pending) {
      // Repeated in vain, bytes are sent but not acknowledged.
      if (state.acked !== connection.acked) {
        connection.acked = state.acked;
        connection.ackedAt = now;
      }
      untaken = Math.max(state.sendIdle, now - connection.ackedAt);
    }
    const quiet = Math.max(state.sendIdle, idle, untaken);
    if (quiet < timeoutMs) return now + timeoutMs - quiet;
    if (!state.pending && !sure) {
      // A request may just have ended whose answer the engine has yet to write.
      connection.overdue = true;
      return now;
    }
    this.#connections.slots.end(connection);
    if (this.#connections.sockets.shutdownBoth(connection, state.pending)) {
      onClose(
        connection.peer,
        untaken >= timeoutMs
          ? "write_timeout"
          : state.segments === 0
          ? "idle_timeout"
          : "keepalive_timeout",
      );
    }
    return Infinity;
  }

  /** For how long the connection has had no request (ms). */
  #idle(
    connection: Connection,
    now: number,
    busy: boolean,
    { acked, unacked, segments }: TcpState,
  ): number {
    if (busy) {
      this.#idleSince.delete(connection);
      return 0;
    }
    const sent = acked + unacked;
    const before = this.#idleSince.get(connection);
    if (
      before === undefined ||
      (sent - before.sent >>> 0) >
        MORE_THAN_A_PING * (segments - before.segments)
    ) {
      this.#idleSince.set(connection, { since: now, sent, segments });
      return 0;
    }
    return Math.min(now - before.since, sinceRequest(connection.port));
  }
}

const PORTS = 65_536;

/**
 * By port, in seconds since 1970; 0 where nobody asked. Requests by HTTP/1 need
 * not be noted: their answers show (see `MORE_THAN_A_PING`).
 */
let times = new Uint32Array(
  new SharedArrayBuffer(PORTS * Uint32Array.BYTES_PER_ELEMENT),
);

/** Notes a request; `at` in ms since 1970. */
export function noteRequest(port: number, at: number): void {
  times[port] = at / 1000;
}

/** For how long no client at `port` has asked for anything (ms). */
function sinceRequest(port: number): number {
  // Seconds are cut off: a request of this second was asked just now.
  return Math.max(0, Date.now() - 1000 * (times[port] + 1));
}

/** The times, for the other threads of the process. */
export function sharedRequestTimes(): SharedArrayBuffer {
  return times.buffer;
}

/** Has this thread use the times of another one, which shares them. */
export function useRequestTimes(shared: SharedArrayBuffer): void {
  times = new Uint32Array(shared);
}
