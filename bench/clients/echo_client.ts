/**
 * WebSockets that send a message again as soon as it came back:
 * `echo_client.ts PORT CONNECTIONS SECONDS`.
 *
 * @module
 */

import { tellReady, tellReport } from "./client_report.ts";
import { clientFrame, openWebSocket, serverFrame } from "./handshake.ts";
import { buffer, Poller, receive, send } from "./sockets.ts";

const [port, connections, seconds] = Deno.args.map(Number);
const TEXT = "thirty-two bytes, there and back";
const frame = clientFrame(TEXT);
const echo = serverFrame(TEXT);

const poller = new Poller();
const sockets = Array.from({ length: connections }, () => openWebSocket(port));
sockets.forEach((fd, index) => poller.add(fd, index));
const arrived = new Uint32Array(connections);
const sentAt = new Float64Array(connections);
const latencies: number[] = [];
let count = 0;

function ask(index: number, now: number): void {
  sentAt[index] = now;
  send(sockets[index], frame);
}

function take(index: number): void {
  arrived[index] += receive(sockets[index]);
  if (arrived[index] < echo.length) return;
  if (arrived[index] > echo.length || buffer[0] !== echo[0]) {
    throw new Error("an echo is not what was sent");
  }
  const now = performance.now();
  arrived[index] = 0;
  count++;
  latencies.push(now - sentAt[index]);
  ask(index, now);
}

tellReady();
const start = performance.now();
const end = start + seconds * 1000;
sockets.forEach((_, index) => ask(index, start));
while (performance.now() < end) poller.wait(take);
tellReport({ count, seconds: (performance.now() - start) / 1000, latencies });
