/**
 * One target with its connections and its health.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import { type Timer, unref } from "../../std/timer.ts";
import type { ResponseHead } from "./response_head.ts";
import type { Target } from "./target.ts";
import { UpstreamConnection } from "./upstream_connection.ts";
import type { ConnectSettings } from "./upstream_connection.ts";
import type { UpstreamError } from "./upstream_error.ts";
import type { UpstreamRequest } from "./upstream_request.ts";

/** Idle connections that are kept to each target. */
const MAX_IDLE = 256;
/**
 * Seconds until an idle connection is given up; most servers close theirs
 * after 5 or more.
 */
const IDLE_SECONDS = 4;
/**
 * A request that cannot be made twice goes on a connection that was in use so
 * many seconds ago, or on a new one: the target may just be closing an older
 * one, and nobody could tell whether it has acted on the request.
 */
const FRESH_SECONDS = 1;

interface IdleConnection {
  readonly connection: UpstreamConnection;
  readonly since: number;
  readonly timer: Timer;
}

/** Statuses of answers that only name another address. */
function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 307 || status === 308;
}

/** A target, the idle connections to it, and whether it works. */
export class Upstream {
  #idle: IdleConnection[] = [];
  #restsUntil = 0;
  #failing = false;
  #closed = false;
  /** The start page is at the base path without a slash at its end. */
  #bareStart = false;

  /** @param failTimeout Seconds of rest after a failure. */
  constructor(
    readonly target: Target,
    readonly settings: ConnectSettings,
    readonly failTimeout: number,
  ) {}

  /** True for some time after a failure. */
  get rests(): boolean {
    return performance.now() < this.#restsUntil;
  }

  /** The path that `request` has at this target. */
  pathOf({ path, isStart }: UpstreamRequest): string {
    const { basePath } = this.target;
    return basePath + (isStart && this.#bareStart ? "" : path) || "/";
  }

  /**
   * Learns from an answer to the start page whether this target wants the base
   * path with a slash or without one. True where it redirects to the other of
   * the two: the client has one address for both, and would be redirected for
   * ever.
   */
  learnsStart(request: UpstreamRequest, head: ResponseHead): boolean {
    const { basePath } = this.target;
    if (!request.isStart || basePath === "" || !isRedirect(head.status)) {
      return false;
    }
    const location = (fieldValue(head.headers, "location") ?? "")
      .replace(/^(?:https?:)?\/\/[^/?#]*/i, "");
    const isBare = location === basePath + request.query;
    if (!isBare && location !== `${basePath}/${request.query}`) return false;
    const isOther = isBare !== this.#bareStart;
    this.#bareStart = isBare;
    return isOther;
  }

  /** It failed: others are better for a while. Only the first time is logged. */
  failed(error: UpstreamError): void {
    if (!this.#failing) {
      const { message, cause } = error;
      log.warn(cause === undefined ? message : `${message} ${cause}`);
    }
    this.#failing = true;
    this.#restsUntil = performance.now() + this.failTimeout * 1000;
  }

  /** It answered. */
  worked(): void {
    if (this.#failing) log.info(`${this.target.url} answers again.`);
    this.#failing = false;
    this.#restsUntil = 0;
  }

  /**
   * A connection for one request, an idle one where `reuse` allows it.
   *
   * @throws {UpstreamError} When the target cannot be reached.
   */
  async connect(
    reuse: "any" | "fresh" | "none",
  ): Promise<UpstreamConnection> {
    if (reuse !== "none") {
      const maxAge = reuse === "any" ? IDLE_SECONDS : FRESH_SECONDS;
      const oldest = performance.now() - maxAge * 1000;
      // The last one used is the first to be used again.
      const last = this.#idle.at(-1);
      if (last !== undefined && last.since >= oldest) {
        this.#idle.pop();
        clearTimeout(last.timer);
        last.connection.wake();
        return last.connection;
      }
    }
    return await UpstreamConnection.open(this.target, this.settings);
  }

  /** Keeps a connection whose answer has been read to its end. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= MAX_IDLE) {
      return connection.close();
    }
    const drop = (): void => {
      const at = this.#idle.findIndex((idle) => idle.connection === connection);
      if (at < 0) return;
      clearTimeout(this.#idle[at].timer);
      this.#idle.splice(at, 1);
      connection.close();
    };
    this.#idle.push({
      connection,
      since: performance.now(),
      timer: unref(setTimeout(drop, IDLE_SECONDS * 1000)),
    });
    connection.rest(drop);
  }

  /** Closes all idle connections, and those in use when they become idle. */
  close(): void {
    this.#closed = true;
    for (const { connection, timer } of this.#idle) {
      clearTimeout(timer);
      connection.close();
    }
    this.#idle = [];
  }
}
