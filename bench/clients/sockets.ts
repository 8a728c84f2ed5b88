/**
 * Sockets for load clients, by way of the C library and epoll: a client must
 * cost less than the server that it measures. Linux only.
 *
 * @module
 */

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // Lengths fit 32 bits, which are cheaper to pass than 64.
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_TRUNC = 0x20;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
/** The kernel packs `struct epoll_event` on x86_64 only. */
const [EVENT_SIZE, DATA_OFFSET] = Deno.build.arch === "x86_64"
  ? [12, 4]
  : [16, 8];
const MAX_EVENTS = 256;
const ONE = new Uint8Array(new Int32Array([1]).buffer);
/** How long a server may say nothing while it owes an answer (ms). */
const PATIENCE = 10_000;

/** Where the last `receive` put its bytes. */
export const buffer: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 16);

/** Opens a connection to a port of this machine; returns its descriptor. */
export function connect(port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM, 0);
  const address = new Uint8Array(16);
  new Uint16Array(address.buffer)[0] = AF_INET;
  address.set([port >> 8, port & 255, 127, 0, 0, 1], 2);
  if (fd < 0 || libc.connect(fd, address, address.length) < 0) {
    throw new Error(`could not connect to port ${port}`);
  }
  libc.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ONE, ONE.length);
  return fd;
}

/** Sends all of it; the pieces are small. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  const sent = libc.send(fd, bytes, bytes.length, MSG_NOSIGNAL);
  if (sent !== bytes.length) throw new Error("the server took no more");
}

/** Waits for bytes and puts them into `buffer`; returns how many. */
export function receive(fd: number): number {
  return taken(libc.recv(fd, buffer, buffer.length, 0));
}

/** Waits for bytes and throws away up to `most`; returns how many. */
export function discard(fd: number, most: number): number {
  return taken(libc.recv(fd, buffer, most, MSG_TRUNC));
}

function taken(count: number): number {
  if (count <= 0) throw new Error("the server closed a connection");
  return count;
}

/** Receives the head of a response; returns it and what came behind it. */
export function receiveHead(fd: number): { head: string; rest: number } {
  let text = "";
  for (;;) {
    const count = receive(fd);
    for (let i = 0; i < count; i++) text += String.fromCharCode(buffer[i]);
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end > 3) {
      return { head: text.slice(0, end), rest: text.length - end };
    }
  }
}

const LATIN1 = new TextDecoder("latin1");

/** An answer of which one piece comes after the other. */
export class Answer {
  /** Its bytes so far. */
  size = 0;
  #head = "";
  /** Of the whole answer, once its head is there; NaN when it is chunked. */
  #whole: number | null = null;
  #end = "";

  /**
   * Takes a piece; tells whether the answer is whole now.
   *
   * @throws {Error} When it is an error.
   */
  take(piece: Uint8Array): boolean {
    this.size += piece.length;
    const text = LATIN1.decode(piece.subarray(-5));
    this.#end = (this.#end + text).slice(-5);
    if (this.#whole === null) {
      this.#head += LATIN1.decode(piece);
      const head = this.#head.indexOf("\r\n\r\n") + 4;
      if (head === 3) return false;
      if (!/^HTTP\/1.1 (200|304) /.test(this.#head)) {
        throw new Error(`failed: ${this.#head}`);
      }
      const fields = this.#head.slice(0, head);
      const length = /^content-length: *(\d+)\r$/im.exec(fields)?.[1];
      const isChunked = /^transfer-encoding: *chunked\r$/im.test(fields);
      this.#whole = isChunked ? NaN : head + Number(length ?? 0);
    }
    return Number.isNaN(this.#whole)
      ? this.#end === "0\r\n\r\n"
      : this.size >= this.#whole;
  }
}

/** Reads an answer and tells how long it was: the same each time. */
export function answerSize(fd: number): number {
  const answer = new Answer();
  while (!answer.take(buffer.subarray(0, receive(fd))));
  return answer.size;
}

/** Tells which of many connections have bytes to read. */
export class Poller {
  readonly #fd = libc.epoll_create1(0);
  readonly #events = new DataView(new ArrayBuffer(EVENT_SIZE * MAX_EVENTS));

  /** Watches a connection, which `wait` names by `index`. */
  add(fd: number, index: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_SIZE));
    event.setUint32(0, EPOLLIN, true);
    event.setUint32(DATA_OFFSET, index, true);
    libc.epoll_ctl(this.#fd, EPOLL_CTL_ADD, fd, event);
  }

  /**
   * Waits for bytes; calls `ready` for each that can be read. It never falls
   * asleep: to wake it up would be work for the server's core.
   */
  wait(ready: (index: number) => void): void {
    let count = this.#poll();
    if (count === 0) {
      const deadline = performance.now() + PATIENCE;
      while ((count = this.#poll()) === 0) {
        if (performance.now() < deadline) continue;
        throw new Error(
          `the server owes answers and sent none for ${PATIENCE} ms`,
        );
      }
    }
    this.#tell(count, ready);
  }

  /** Calls `ready` for each that can be read now. */
  look(ready: (index: number) => void): void {
    this.#tell(this.#poll(), ready);
  }

  #tell(count: number, ready: (index: number) => void): void {
    for (let i = 0; i < count; i++) {
      ready(this.#events.getUint32(i * EVENT_SIZE + DATA_OFFSET, true));
    }
  }

  /** How many can be read now; an interrupted call tells of none. */
  #poll(): number {
    return Math.max(
      0,
      libc.epoll_wait(this.#fd, this.#events, MAX_EVENTS, 0),
    );
  }
}
