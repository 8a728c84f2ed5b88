/**
 * Requests at a fixed rate, whatever the answers do (an open loop):
 * `rate_client.ts SERVERS CONNECTIONS RATE REQUEST SECONDS`. The time of an
 * answer counts from when its request was due, so that requests which wait
 * behind a slow one count as well ("coordinated omission" is what else would
 * be left out).
 *
 * `BENCH_BESIDE` is a path that is asked for meanwhile on a connection of its
 * own, once in each turn, so that all have as much of it to do, and `BENCH_TOUCH`
 * a file whose time is set before, so that nobody can keep what depends on it.
 *
 * @module
 */

import {
  Answer,
  answerSize,
  buffer,
  connect,
  Poller,
  receive,
  send,
} from "./sockets.ts";
import { type Loader, takeTurns, type Tally } from "./turns.ts";

const [servers, connectionsText, rateText, text, secondsText] = Deno.args;
const connections = Number(connectionsText);
/** Milliseconds between two requests. */
const interval = 1000 / Number(rateText);
const beside = Deno.env.get("BENCH_BESIDE");
const touch = Deno.env.get("BENCH_TOUCH");

/** Long, so that what a server does now and then falls into each. */
const TURN = 500;

/** Asks one server. */
class AtRate implements Loader {
  readonly #poller = new Poller();
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #size: number;
  readonly #sockets: readonly number[];
  readonly #free: number[];
  readonly #arrived = new Uint32Array(connections);
  readonly #dueAt = new Float64Array(connections);
  readonly #beside: Beside | null;

  constructor(port: number) {
    this.#request = requestOf(text, port);
    this.#sockets = Array.from({ length: connections }, () => connect(port));
    const sizes = this.#sockets.map((fd) => {
      send(fd, this.#request);
      return answerSize(fd);
    });
    this.#size = sizes[0];
    this.#sockets.forEach((fd, index) => this.#poller.add(fd, index));
    this.#free = [...this.#sockets.keys()];
    this.#beside = beside === undefined
      ? null
      : new Beside(port, beside, (fd) => this.#poller.add(fd, connections));
  }

  take(end: number, tally: Tally): void {
    const start = performance.now();
    // Those that were due, and those of them that were sent.
    let due = 0;
    let sent = 0;
    this.#beside?.ask();
    for (;;) {
      const now = performance.now();
      due = Math.floor((Math.min(now, end) - start) / interval) + 1;
      while (sent < due && this.#free.length > 0) {
        const index = this.#free.pop()!;
        this.#arrived[index] = 0;
        this.#dueAt[index] = start + sent++ * interval;
        send(this.#sockets[index], this.#request);
      }
      const isIdle = this.#free.length === connections &&
        !this.#beside?.isWaiting;
      if (now >= end && sent === due && isIdle) return;
      this.#poller.look((index) => {
        if (index < connections) return this.#read(index, tally);
        if (this.#beside!.read()) tally.beside = (tally.beside ?? 0) + 1;
      });
    }
  }

  #read(index: number, tally: Tally): void {
    const arrived = this.#arrived[index] += receive(this.#sockets[index]);
    if (arrived < this.#size) return;
    if (arrived > this.#size) {
      throw new Error("an answer is longer than the one before");
    }
    tally.count++;
    tally.latencies.push(performance.now() - this.#dueAt[index]);
    this.#free.push(index);
  }
}

/** What is asked for on a connection of its own. */
class Beside {
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #fd: number;
  #answer: Answer | null = null;

  constructor(port: number, path: string, watch: (fd: number) => void) {
    this.#request = requestOf(
      `GET ${path} HTTP/1.1\r\naccept: text/html\r\n\r\n`,
      port,
    );
    this.#fd = connect(port);
    watch(this.#fd);
  }

  get isWaiting(): boolean {
    return this.#answer !== null;
  }

  ask(): void {
    if (touch !== undefined) Deno.utimeSync(touch, new Date(), new Date());
    this.#answer = new Answer();
    send(this.#fd, this.#request);
  }

  /** Whether the answer is whole now. */
  read(): boolean {
    if (!this.#answer!.take(buffer.subarray(0, receive(this.#fd)))) {
      return false;
    }
    this.#answer = null;
    return true;
  }
}

function requestOf(text: string, port: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    text.replace("\r\n", `\r\nhost: 127.0.0.1:${port}\r\n`),
  );
}

takeTurns(servers, (port) => new AtRate(port), Number(secondsText), TURN);
