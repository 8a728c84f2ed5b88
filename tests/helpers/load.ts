/**
 * A steady load of requests, which counts failures exactly.
 *
 * @module
 */

import type { ListenAddress } from "../../src/options/value_types.ts";
import { delay } from "./wait.ts";
import { RawConnection } from "./raw_connection.ts";

/**
 * Between two requests of a client (ms): a load, not a test of strength, which
 * leaves the processors to what is tested.
 */
const PAUSE_MS = 8;

/** How to ask. */
export interface LoadOptions {
  /** Clients that open a connection per request (3). */
  readonly short?: number;
  /** Clients that keep their connection (2). */
  readonly kept?: number;
  /** What they ask for ("/"). */
  readonly target?: string;
  /** Between two requests of a client (ms). */
  readonly pause?: number;
}

/** What became of the requests. */
export interface LoadResult {
  /** How many got a whole answer with status 200. */
  readonly answered: number;
  /** What went wrong with the others. */
  readonly failures: readonly string[];
  /** How often a kept connection was found closed between two requests. */
  readonly reopened: number;
  /** The bodies, and how often each came, the first seen first. */
  readonly bodies: ReadonlyMap<string, number>;
}

/** Clients that ask one request after the other until they are stopped. */
export class Load {
  readonly #target: string;
  readonly #pause: number;
  readonly #clients: Promise<void>[];
  readonly #failures: string[] = [];
  readonly #bodies = new Map<string, number>();
  #answered = 0;
  #reopened = 0;
  #stopped = false;

  constructor(
    readonly address: ListenAddress,
    { short = 3, kept = 2, target = "/", pause = PAUSE_MS }: LoadOptions = {},
  ) {
    this.#target = target;
    this.#pause = pause;
    this.#clients = [
      ...Array.from({ length: short }, () => this.#runShort()),
      ...Array.from({ length: kept }, () => this.#runKept()),
    ];
  }

  /** How many requests got a whole answer so far. */
  get answered(): number {
    return this.#answered;
  }

  /** Resolves once `count` more requests have been answered. */
  async more(count: number): Promise<void> {
    const goal = this.#answered + count;
    while (this.#answered < goal && this.#failures.length === 0) {
      await delay(5);
    }
  }

  /** Ends it once the running requests have been answered. */
  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return {
      answered: this.#answered,
      failures: this.#failures,
      reopened: this.#reopened,
      bodies: this.#bodies,
    };
  }

  async #runShort(): Promise<void> {
    while (!this.#stopped) {
      await this.#count(async () => {
        const connection = await RawConnection.open(this.address);
        try {
          await connection.request(`GET ${this.#target}`, "connection: close");
          this.#take(await connection.response());
        } finally {
          connection.close();
        }
      });
    }
  }

  async #runKept(): Promise<void> {
    let kept: RawConnection | null = null;
    while (!this.#stopped) {
      await this.#count(async () => {
        const fresh = kept === null;
        const connection = kept ?? await RawConnection.open(this.address);
        kept = null;
        try {
          await connection.request(`GET ${this.#target}`);
          const response = await connection.response();
          this.#take(response);
          if (response.headers.get("connection") !== "close") kept = connection;
        } catch (error) {
          // Nothing at all came: it was closed before the request.
          if (fresh || connection.received !== "") throw error;
          this.#reopened++;
        } finally {
          if (kept === null) connection.close();
        }
      });
    }
    (kept as RawConnection | null)?.close();
  }

  #take({ status, body }: { status: number; body: string }): void {
    if (status !== 200) throw new Error(`status ${status}: ${body}`);
    this.#answered++;
    this.#bodies.set(body, (this.#bodies.get(body) ?? 0) + 1);
  }

  async #count(request: () => Promise<void>): Promise<void> {
    await delay(this.#pause);
    try {
      await request();
    } catch (error) {
      this.#failures.push(String(error));
      // A server that is gone is not to be asked a million times.
      await delay(10);
    }
  }
}
