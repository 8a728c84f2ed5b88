/**
 * Downloads a large file again and again and drops what comes, without copying
 * it: `download_client.ts PORT PATH CONNECTIONS SECONDS`. Counts megabytes.
 *
 * @module
 */

import { tellReady, tellReport } from "./client_report.ts";
import { connect, discard, Poller, receiveHead, send } from "./sockets.ts";

const [portText, path, ...numbers] = Deno.args;
const port = Number(portText);
const [connections, seconds] = numbers.map(Number);
const MEGABYTE = 1_000_000;
const MOST = 1 << 22;

const request = new TextEncoder().encode(
  `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`,
);
const size = responseSize();
const poller = new Poller();
const sockets = Array.from({ length: connections }, () => connect(port));
sockets.forEach((fd, index) => poller.add(fd, index));
const left = new Float64Array(connections);
const askedAt = new Float64Array(connections);
const latencies: number[] = [];
let bytes = 0;

/** Of the head and the body: the same for each answer. */
function responseSize(): number {
  const fd = connect(port);
  send(fd, request);
  const { head, rest } = receiveHead(fd);
  const length = /^content-length: *(\d+)\r$/im.exec(head)?.[1];
  if (length === undefined || !head.startsWith("HTTP/1.1 200 ")) {
    throw new Error(`no file: ${head}`);
  }
  for (let left = Number(length) - rest; left > 0;) left -= discard(fd, left);
  return head.length + Number(length);
}

function ask(index: number): void {
  left[index] = size;
  askedAt[index] = performance.now();
  send(sockets[index], request);
}

function take(index: number): void {
  const count = discard(sockets[index], Math.min(MOST, left[index]));
  bytes += count;
  left[index] -= count;
  if (left[index] > 0) return;
  latencies.push(performance.now() - askedAt[index]);
  ask(index);
}

tellReady();
const start = performance.now();
const end = start + seconds * 1000;
sockets.forEach((_, index) => ask(index));
while (performance.now() < end) poller.wait(take);
tellReport({
  count: bytes / MEGABYTE,
  seconds: (performance.now() - start) / 1000,
  latencies,
});
