/**
 * Many subscribers of one channel over workers and processes: whether each gets
 * every message, and how fast.
 *
 *     deno task channels:load --backend redis://127.0.0.1:6379
 *
 * Each process publishes its share of the messages: at once, or so many a
 * second with `--rate`. The clients take most of the time, so that what is
 * published at once mostly shows how much may wait.
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

const APP = `
import { join, publish } from "@pagi/server/channels";
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/publish") {
    const start = performance.now();
    const { count, rate } = Object.fromEntries(new URL(request.url).searchParams);
    for (let i = 0; i < Number(count); i++) {
      publish("load", "0123456789");
      const due = rate > 0 ? start + i * 1000 / rate : 0;
      const early = due - performance.now();
      if (early > 0) await new Promise((next) => setTimeout(next, early));
    }
    return new Response(String(performance.now() - start));
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  join(socket, "load").ready.then(() => socket.send("ready"));
  return response;
} };`;
/** Characters of a message, in JSON. */
const LENGTH = 12;

/** Messages that each subscriber got; undefined before it has subscribed. */
const received: (number | undefined)[] = [];

/** Counts the messages that come, whatever else does. */
async function read(socket: Deno.TcpConn, index: number): Promise<void> {
  const buffer = new Uint8Array(65536);
  let head = "";
  /** Bytes of the current frame that are to come, and what came of its header. */
  let left = 0;
  let opcode = 0;
  for (let n; (n = await socket.read(buffer).catch(() => null)) !== null;) {
    let at = 0;
    if (!head.includes("\r\n\r\n")) {
      const text = new TextDecoder("latin1").decode(buffer.subarray(0, n));
      const before = head.length;
      head += text;
      at = head.indexOf("\r\n\r\n") + 4 - before;
      if (at < 4 - before) continue;
      if (!head.startsWith("HTTP/1.1 101")) return void refused.push(index);
    }
    while (at < n) {
      if (left > 0) {
        const step = Math.min(left, n - at);
        left -= step;
        at += step;
      } else if (opcode === 0) opcode = buffer[at++];
      else {
        left = buffer[at++];
        if (opcode === 0x81 && left === LENGTH) received[index]!++;
        else if (opcode === 0x81) received[index] = 0;
        opcode = 0;
      }
    }
  }
}

/** Subscribers that the server refused while it was starting. */
const refused: number[] = [];
const folder = Deno.makeTempDirSync();
Deno.writeTextFileSync(`${folder}/app.js`, APP);
const main = new URL("../main.ts", import.meta.url).pathname;
const children: Deno.ChildProcess[] = [];
const ports: number[] = [];
const sockets: Deno.TcpConn[] = [];
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
  const subscribe = async (index: number): Promise<Deno.TcpConn> => {
    const port = ports[index % ports.length];
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    await socket.write(new TextEncoder().encode(
      "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ));
    void read(socket, index);
    return socket;
  };
  for (let i = 0; i < subscribers; i++) sockets.push(await subscribe(i));
  const deadline = performance.now() + seconds * 1000;
  while (Object.keys(received).length < subscribers) {
    for (const index of refused.splice(0)) {
      sockets.push(await subscribe(index));
    }
    if (performance.now() > deadline) throw new Error("Not all subscribed.");
    await delay(50);
  }
  const start = performance.now();
  const shares = ports.map((_, i) => Math.floor((messages + i) / ports.length));
  await Promise.all(ports.map(async (port, i) => {
    const url = `http://127.0.0.1:${port}/publish?count=${
      shares[i]
    }&rate=${rate}`;
    await (await fetch(url)).text();
  }));
  while (received.some((count) => count !== messages)) {
    if (performance.now() > deadline) break;
    await delay(20);
  }
  const took = (performance.now() - start) / 1000;
  const whole = received.filter((count) => count === messages).length;
  const all = received.reduce<number>((sum, count) => sum + count!, 0);
  console.log(
    `${whole} of ${subscribers} subscribers got all ${messages} messages: ${all} deliveries in ${
      took.toFixed(1)
    } s, ${Math.round(all / took)} a second, ${
      Math.round(messages / took)
    } messages a second.`,
  );
  if (whole < subscribers) {
    for (const [count, some] of Map.groupBy(received, (count) => count)) {
      console.log(`${some.length} subscribers got ${count}.`);
    }
    Deno.exitCode = 1;
  }
} finally {
  for (const socket of sockets) socket.close();
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map(({ status }) => status));
  Deno.removeSync(folder, { recursive: true });
}
