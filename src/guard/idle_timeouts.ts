/** Timeouts of idle connections. */

import type { Connection, Connections } from "./connections.ts";
import { CpuBudget } from "./cpu_budget.ts";
import type { TcpState } from "./sockets.ts";
import { type Timer, unref } from "../std/timer.ts";

/** Why a timeout closed a connection (PAGI.md 4). */
export type TimeoutReason =
  | "idle_timeout"
  | "keepalive_timeout"
  | "write_timeout";

/** The peers with a request running; null when they are not known. */
export type PeersRunning = Iterable<string> | null;

interface IdleTimeoutOptions {
  /** How long a connection may be idle (ms). */
  timeoutMs: number;
  runningPeers(): PeersRunning | Promise<PeersRunning>;
  onClose(peer: string, reason: TimeoutReason): void;
}

/** A connection when it was first seen without a request. */
interface Idleness {
  /** Milliseconds, `performance.now()`. */
  readonly since: number;
  /** Bytes sent by then, modulo 2³². */
  readonly sent: number;
  /** Segments sent by then. */
  readonly segments: number;
}

/** The share of all time that scans may take. */
const MAX_CPU_SHARE = 0.02;
/**
 * More bytes than this that a client has not acknowledged belong to a response
 * that the engine has finished writing, not to acknowledgements of pings.
 */
const MAX_UNACKED_PINGS = 16_384;
/**
 * Segments with more bytes than this on average are not acknowledgements of
 * pings: those have 17 bytes (RFC 9113, 6.7), and up to 29 more with TLS. The
 * engine's shortest response by HTTP/1 has 64.
 */
const MAX_PING_BYTES = 48;
/** The minimum number of scans in the time of the timeout. */
const SCANS_PER_TIMEOUT = 4;

/**
 * Closes a connection that, for the time of the timeout,
 * - had no request running and was sent nothing: it is idle, or the head of its
 *   request does not arrive or arrives slowly (the time counts from the
 *   handshake or from the last response);
 * - had no request at all, whatever was sent: HTTP/2 acknowledges pings;
 * - acknowledged none of the pending bytes, even while a request runs.
 */
export class IdleTimeouts {
  readonly #connections: Connections;
  readonly #options: IdleTimeoutOptions;
  /** Since when a connection has had no request, according to scans. */
  readonly #idleSince = new WeakMap<Connection, Idleness>();
  readonly #budget = new CpuBudget(MAX_CPU_SHARE, Infinity);
  #timer: Timer | undefined;
  #stopped = false;

  constructor(connections: Connections, options: IdleTimeoutOptions) {
    this.#connections = connections;
    this.#options = options;
    this.#wait(options.timeoutMs);
  }

  /** Closes no more connections. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = unref(setTimeout(() => void this.#check(), ms));
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
    let next = now + timeoutMs / SCANS_PER_TIMEOUT;
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

  /** Closes the connection if it is overdue; else returns when it may be. */
  #enforce(connection: Connection, now: number, running: boolean): number {
    const { timeoutMs, onClose } = this.#options;
    const state = this.#connections.sockets.tcpState(connection);
    const sure = connection.overdue;
    connection.overdue = false;
    if (state === null) return now + timeoutMs;
    const busy = running || state.unacked > MAX_UNACKED_PINGS;
    const idle = this.#idle(connection, now, busy, state);
    if (running && !state.pending) return now + timeoutMs / SCANS_PER_TIMEOUT;
    let untaken = 0;
    if (state.pending) {
      // Retransmissions count as sent, but nothing is acknowledged.
      if (state.acked !== connection.acked) {
        connection.acked = state.acked;
        connection.ackedAt = now;
      }
      untaken = Math.max(state.sendIdle, now - connection.ackedAt);
    }
    const quiet = Math.max(state.sendIdle, idle, untaken);
    if (quiet < timeoutMs) return now + timeoutMs - quiet;
    if (!state.pending && !sure) {
      // A request may just have ended, before the engine writes its response.
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

  /** How long the connection has had no request (ms). */
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
        MAX_PING_BYTES * (segments - before.segments)
    ) {
      this.#idleSince.set(connection, { since: now, sent, segments });
      return 0;
    }
    return Math.min(now - before.since, sinceRequest(connection.port));
  }
}

const PORTS = 65_536;

/**
 * When a client at each port sent its last request, in seconds since 1970; 0 for
 * never. Requests by HTTP/1 are not recorded: the size of their responses
 * distinguishes them from pings (see `MAX_PING_BYTES`).
 */
let times = new Uint32Array(
  new SharedArrayBuffer(PORTS * Uint32Array.BYTES_PER_ELEMENT),
);

/** Records a request; `at` in ms since 1970. */
export function noteRequest(port: number, at: number): void {
  times[port] = at / 1000;
}

/** How long no client at `port` has sent a request (ms). */
function sinceRequest(port: number): number {
  // Times are whole seconds: a request of this second counts as just now.
  return Math.max(0, Date.now() - 1000 * (times[port] + 1));
}

/** The times of requests, for the other threads of the process. */
export function sharedRequestTimes(): SharedArrayBuffer {
  return times.buffer;
}

/** Makes this thread use the times that another one shares. */
export function useRequestTimes(shared: SharedArrayBuffer): void {
  times = new Uint32Array(shared);
}
