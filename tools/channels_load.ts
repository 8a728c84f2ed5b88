/**
 * Many subscribers of one channel over workers and processes: whether each gets
 * every message once and in order, how fast, and what that costs.
 *
 *     deno task channels:load --backend redis://127.0.0.1:6379
 *
 * Each process publishes its share of the messages: at once, or so many a
 * second (of all) with `--rate`. What is published at once also shows how much
 * may wait.
 *
 * @module
 */

import { delay } from "../src/std/timer.ts";
import { parseArgs } from "@std/cli/parse-args";

const { backend, subscribers, messages, processes, workers, seconds, rate } =
  parseArgs(Deno.args, {
    string: ["backend"],
    default: {
      subscribers: 1000,
      messages: 10_000,
      processes: 2,
      workers: 4,
      seconds: 240,
      rate: 0,
    },
  }) as Record<string, number> & { backend?: string };

/** Digits of a number in a message; the publisher comes before it. */
const DIGITS = 8;
const APP = `
import { join, publish } from "@pagi/server/channels";
export default { async fetch(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/publish") {
    const start = performance.now();
    const { publisher, count, rate } = Object.fromEntries(searchParams);
    for (let i = 0; i < Number(count); i++) {
      publish("load", publisher + String(i).padStart(${DIGITS}, "0"));
      const due = rate > 0 ? start + i * 1000 / rate : 0;
      const early = due - performance.now();
      if (early > 0) await new Promise((next) => setTimeout(next, early));
    }
    return new Response("published");
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  join(socket, "load").ready.then(() => socket.send("ready"));
  return response;
} };`;
/** Bytes of a message: a JSON string of a publisher and a number. */
const LENGTH = DIGITS + 3;
const TEXT_FRAME = 0x81;
const PING_FRAME = 0x89;
/** An empty one of a client: masked (RFC 6455, 5.3). */
const PONG = Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0);
const ZERO = 0x30;

/** A client: a connection of which no more is read than frames and numbers. */
class Client {
  received = 0;
  subscribed = false;
  /** Messages that were not the next one of their publisher. */
  outOfOrder = 0;
  /** Frames that were no message: gaps, and a Close. */
  others = 0;
  /** The next number of each publisher. */
  readonly #next = Array<number>(processes).fill(0);
  readonly #socket: Deno.TcpConn;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<Client> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    const client = new Client(socket);
    await socket.write(new TextEncoder().encode(
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ));
    void client.#read().catch(() => {});
    return client;
  }

  close(): void {
    this.#socket.close();
  }

  get isWhole(): boolean {
    return this.received === messages && this.outOfOrder + this.others === 0;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let end = await this.#readHead(buffer);
    for (;;) {
      const used = this.#count(buffer, end);
      buffer.copyWithin(0, used, end);
      const count = await this.#socket.read(buffer.subarray(end - used));
      if (count === null) return;
      end += count - used;
    }
  }

  /** Reads the response's head; what follows it is at the buffer's start. */
  async #readHead(buffer: Uint8Array): Promise<number> {
    for (let end = 0;;) {
      const count = await this.#socket.read(buffer.subarray(end));
      if (count === null) throw new Error("no response");
      const text = new TextDecoder("latin1").decode(
        buffer.subarray(0, end += count),
      );
      const head = text.indexOf("\r\n\r\n") + 4;
      if (head < 4) continue;
      if (!text.startsWith("HTTP/1.1 101")) throw new Error("refused");
      buffer.copyWithin(0, head, end);
      return end - head;
    }
  }

  /** Counts the whole frames; returns where they end. */
  #count(buffer: Uint8Array, end: number): number {
    let at = 0;
    for (; at + 2 <= end; at += 2 + buffer[at + 1]) {
      if (at + 2 + buffer[at + 1] > end) break;
      if (buffer[at] === PING_FRAME) void this.#socket.write(PONG);
      else if (buffer[at] !== TEXT_FRAME) this.others++;
      else if (buffer[at + 1] === LENGTH) this.#take(buffer, at + 3);
      else if (!this.subscribed) this.subscribed = true;
      else this.others++;
    }
    return at;
  }

  #take(buffer: Uint8Array, at: number): void {
    let number = 0;
    for (let i = 1; i <= DIGITS; i++) {
      number = number * 10 + buffer[at + i] - ZERO;
    }
    const publisher = buffer[at] - ZERO;
    if (number !== this.#next[publisher]) this.outOfOrder++;
    this.#next[publisher] = number + 1;
    this.received++;
  }
}

/** Processor time of a process so far (s). */
function cpuSeconds(pid: number | "self"): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A hundred ticks are a second (getconf CLK_TCK).
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const folder = Deno.makeTempDirSync();
Deno.writeTextFileSync(`${folder}/app.js`, APP);
const main = new URL("../main.ts", import.meta.url).pathname;
const children: Deno.ChildProcess[] = [];
const ports: number[] = [];
const clients: Client[] = [];

try {
  for (let i = 0; i < processes; i++) {
    const socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = socket.addr;
    socket.close();
    ports.push(port);
    children.push(
      new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", main, "-q", "--no-access-log"],
          ...["-p", `${port}`, "-w", `${workers}`],
          ...backend === undefined ? [] : ["--channels-backend", backend],
          `${folder}/app.js`,
        ],
        stdin: "null",
      }).spawn(),
    );
  }
  for (const port of ports) {
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
    while (!await connect().then((c) => (c.close(), true), () => false)) {
      await delay(100);
    }
  }
  await delay(1000);
  for (let i = 0; i < subscribers; i++) {
    clients.push(await Client.connect(ports[i % processes]));
  }
  const deadline = performance.now() + seconds * 1000;
  while (!clients.every(({ subscribed }) => subscribed)) {
    if (performance.now() > deadline) throw new Error("Not all subscribed.");
    await delay(50);
  }
  const serverCpu = () =>
    children.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const before = { server: serverCpu(), clients: cpuSeconds("self") };
  const start = performance.now();
  await Promise.all(ports.map(async (port, i) => {
    const share = Math.floor((messages + i) / processes);
    const query = `publisher=${i}&count=${share}&rate=${rate / processes}`;
    await (await fetch(`http://127.0.0.1:${port}/publish?${query}`)).text();
  }));
  const received = () => clients.reduce((sum, one) => sum + one.received, 0);
  while (received() < subscribers * messages && performance.now() < deadline) {
    await delay(20);
  }
  const took = (performance.now() - start) / 1000;
  const all = received();
  const each = (cpu: number) => (cpu * 1e6 / all).toFixed(1);
  const whole = clients.filter(({ isWhole }) => isWhole).length;
  console.log(
    `${whole} of ${subscribers} subscribers got all ${messages} messages, each once and in order: ${all} deliveries in ${
      took.toFixed(1)
    } s, ${Math.round(all / took)} a second. Processor time of a delivery: ${
      each(serverCpu() - before.server)
    } µs in the servers, ${
      each(cpuSeconds("self") - before.clients)
    } µs in the clients.`,
  );
  if (whole < subscribers) {
    const kinds = Map.groupBy(
      clients,
      ({ received, outOfOrder, others }) =>
        `${received} messages, ${outOfOrder} after a hole, ${others} gaps or closes`,
    );
    for (const [kind, some] of kinds) {
      console.log(`${some.length} subscribers got ${kind}.`);
    }
    Deno.exitCode = 1;
  }
} finally {
  for (const client of clients) client.close();
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map(({ status }) => status));
  Deno.removeSync(folder, { recursive: true });
}
