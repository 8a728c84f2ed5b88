/**
 * Downloads a large file again and again and drops what comes, without copying
 * it: `download_client.ts SERVERS PATH CONNECTIONS SECONDS`. Counts megabytes.
 *
 * @module
 */

import { connect, discard, Poller, receiveHead, send } from "./sockets.ts";
import { type Loader, takeTurns, type Tally } from "./turns.ts";

const [servers, path, ...numbers] = Deno.args;
const [connections, seconds] = numbers.map(Number);
const MEGABYTE = 1_000_000;
const MOST = 1 << 22;

/** Downloads from one server. */
class Download implements Loader {
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #size: number;
  readonly #poller = new Poller();
  readonly #sockets: readonly number[];
  readonly #left = new Float64Array(connections);
  readonly #askedAt = new Float64Array(connections);
  #running = 0;

  constructor(port: number) {
    this.#request = new TextEncoder().encode(
      `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`,
    );
    this.#sockets = Array.from({ length: connections }, () => connect(port));
    this.#sockets.forEach((fd, index) => this.#poller.add(fd, index));
    this.#size = this.#answerSize(this.#sockets[0]);
  }

  take(end: number, tally: Tally): void {
    this.#sockets.forEach((_, index) => this.#ask(index));
    while (this.#running > 0) {
      this.#poller.wait((index) => {
        const count = discard(
          this.#sockets[index],
          Math.min(MOST, this.#left[index]),
        );
        tally.count += count / MEGABYTE;
        this.#left[index] -= count;
        if (this.#left[index] > 0) return;
        const now = performance.now();
        tally.latencies.push(now - this.#askedAt[index]);
        this.#running--;
        if (now < end) this.#ask(index);
      });
    }
  }

  #ask(index: number): void {
    this.#left[index] = this.#size;
    this.#askedAt[index] = performance.now();
    this.#running++;
    send(this.#sockets[index], this.#request);
  }

  /** Of the head and the body: the same for each answer. */
  #answerSize(fd: number): number {
    send(fd, this.#request);
    const { head, rest } = receiveHead(fd);
    const length = /^content-length: *(\d+)\r$/im.exec(head)?.[1];
    if (length === undefined || !head.startsWith("HTTP/1.1 200 ")) {
      throw new Error(`no file: ${head}`);
    }
    for (let left = Number(length) - rest; left > 0;) left -= discard(fd, left);
    return head.length + Number(length);
  }
}

takeTurns(servers, (port) => new Download(port), seconds);
