/**
 * Many subscribers of one channel over workers and processes: whether each gets
 * every message, and how fast.
 *
 *     deno task channels:load --backend redis://127.0.0.1:6379
 *
 * Half of the messages come from the first process and half from the second,
 * as fast as they can be published.
 *
 * @module
 */

import { delay } from "../src/std/timer.ts";
import { parseArgs } from "@std/cli/parse-args";

const { backend, subscribers, messages, processes, workers, seconds } =
  parseArgs(Deno.args, {
    string: ["backend"],
    default: {
      subscribers: 1000,
      messages: 10_000,
      processes: 2,
      workers: 4,
      seconds: 240,
    },
  }) as Record<string, number> & { backend?: string };

const APP = `
import { join, publish } from "@pagi/server/channels";
export default { fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === "/publish") {
    const start = performance.now();
    const count = Number(new URL(request.url).searchParams.get("count"));
    for (let i = 0; i < count; i++) publish("load", "0123456789");
    return new Response(String(performance.now() - start));
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  join(socket, "load").ready.then(() => socket.send("ready"));
  return response;
} };`;
/** Of a WebSocket message with 12 characters. */
const FRAME = 14;
const READY = 7;

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
  const received = new Array<number>(subscribers).fill(0);
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
    void (async () => {
      const buffer = new Uint8Array(65536);
      let isHead = true;
      for (let n; (n = await socket.read(buffer).catch(() => null)) !== null;) {
        let body = n;
        if (isHead) {
          const text = new TextDecoder("latin1").decode(buffer.subarray(0, n));
          const end = text.indexOf("\r\n\r\n");
          if (end < 0) continue;
          body = n - end - 4;
          isHead = false;
        }
        received[index] += body;
      }
    })();
    return socket;
  };
  for (let i = 0; i < subscribers; i++) sockets.push(await subscribe(i));
  const deadline = performance.now() + seconds * 1000;
  while (received.some((bytes) => bytes < READY)) {
    if (performance.now() > deadline) throw new Error("Not all subscribed.");
    await delay(50);
  }
  const start = performance.now();
  const shares = ports.map((_, i) => Math.floor((messages + i) / ports.length));
  await Promise.all(ports.map(async (port, i) => {
    const url = `http://127.0.0.1:${port}/publish?count=${shares[i]}`;
    await (await fetch(url)).text();
  }));
  const wanted = READY + messages * FRAME;
  while (received.some((bytes) => bytes !== wanted)) {
    if (performance.now() > deadline) break;
    await delay(20);
  }
  const took = (performance.now() - start) / 1000;
  const whole = received.filter((bytes) => bytes === wanted).length;
  const all = received.reduce((sum, n) => sum + (n - READY) / FRAME, 0);
  console.log(
    `${whole} of ${subscribers} subscribers got all ${messages} messages. ${
      Math.round(all)
    } deliveries in ${took.toFixed(1)} s: ${
      Math.round(all / took)
    } deliveries/s, ${Math.round(messages / took)} messages/s.`,
  );
  if (whole < subscribers) {
    const missing = Map.groupBy(received, (bytes) => wanted - bytes);
    for (const [bytes, some] of missing) {
      console.log(`${some.length} subscribers miss ${bytes} bytes.`);
    }
    Deno.exitCode = 1;
  }
} finally {
  for (const socket of sockets) socket.close();
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map(({ status }) => status));
  Deno.removeSync(folder, { recursive: true });
}
