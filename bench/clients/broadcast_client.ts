/**
 * Many clients of one broadcast, which has its next message published when all
 * have an earlier one:
 * `broadcast_client.ts events|websocket SERVERS CLIENTS SECONDS`.
 *
 * @module
 */

import { clientFrame, openWebSocket } from "./handshake.ts";
import {
  buffer,
  connect,
  Poller,
  receive,
  receiveHead,
  send,
} from "./sockets.ts";
import { type Loader, takeTurns, type Tally } from "./turns.ts";

const [kind, servers, ...numbers] = Deno.args;
const [clients, seconds] = numbers.map(Number);
/** How many messages are on their way: the server never waits for us. */
const WINDOW = 4;
/** Each message holds two. */
const MARK = "!".charCodeAt(0);
const MARKS = 2;

const encoder = new TextEncoder();

/** Publishes by way of one server. */
class Broadcast implements Loader {
  readonly #members: readonly number[];
  readonly #publisher: number;
  readonly #message: Uint8Array<ArrayBuffer>;
  readonly #poller = new Poller();
  readonly #publishedAt: number[] = [];
  #marks = 0;

  constructor(port: number) {
    const host = `host: 127.0.0.1:${port}\r\n`;
    if (kind === "events") {
      const request = encoder.encode(
        `GET / HTTP/1.1\r\n${host}accept: text/event-stream\r\n\r\n`,
      );
      this.#members = many(() => subscribe(port, request));
      this.#publisher = connect(port);
      this.#message = encoder.encode(
        `POST / HTTP/1.1\r\n${host}content-length: 0\r\n\r\n`,
      );
      this.#poller.add(this.#publisher, clients);
    } else {
      this.#members = many(() => openWebSocket(port));
      this.#publisher = this.#members[0];
      this.#message = clientFrame("sixteen bytes !!");
    }
    this.#members.forEach((fd, index) => this.#poller.add(fd, index));
  }

  take(end: number, tally: Tally): void {
    this.#marks = 0;
    this.#publishedAt.length = 0;
    let complete = 0;
    for (let now = performance.now();; now = performance.now()) {
      for (; complete < this.#complete(); complete++) {
        tally.latencies.push(now - this.#publishedAt[complete]);
      }
      if (now < end) this.#publish(complete + WINDOW, now);
      else if (complete === this.#publishedAt.length) break;
      this.#poller.wait(this.#read);
    }
    tally.count += complete * clients;
  }

  /** Messages that all members have. */
  #complete(): number {
    return Math.floor(this.#marks / (MARKS * clients));
  }

  #publish(count: number, now: number): void {
    while (this.#publishedAt.length < count) {
      this.#publishedAt.push(now);
      send(this.#publisher, this.#message);
    }
  }

  readonly #read = (index: number): void => {
    if (index === clients) {
      receive(this.#publisher); // the answers to its POSTs
      return;
    }
    const count = receive(this.#members[index]);
    for (let i = 0; i < count; i++) if (buffer[i] === MARK) this.#marks++;
  };
}

function many(open: () => number): number[] {
  return Array.from({ length: clients }, open);
}

function subscribe(port: number, request: Uint8Array<ArrayBuffer>): number {
  const fd = connect(port);
  send(fd, request);
  const { head } = receiveHead(fd);
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`no stream: ${head}`);
  return fd;
}

takeTurns(servers, (port) => new Broadcast(port), seconds);
