/**
 * Many clients of one broadcast, which has its next message published when all
 * have an earlier one:
 * `broadcast_client.ts events|websocket PORT CLIENTS SECONDS`.
 *
 * @module
 */

import { tellReady, tellReport } from "./client_report.ts";
import { clientFrame, openWebSocket } from "./handshake.ts";
import {
  buffer,
  connect,
  Poller,
  receive,
  receiveHead,
  send,
} from "./sockets.ts";

const kind = Deno.args[0];
const [port, clients, seconds] = Deno.args.slice(1).map(Number);
/** How many messages are on their way: the server never waits for us. */
const WINDOW = 4;
/**
 * Seconds of messages that do not count: at first a server is slower, and the
 * more so the more it keeps for each of so many new clients.
 */
const SETTLING = 1;
/** Each message holds two. */
const MARK = "!".charCodeAt(0);
const MARKS = 2;

const encoder = new TextEncoder();
const host = `host: 127.0.0.1:${port}\r\n`;
const subscription = encoder.encode(
  `GET / HTTP/1.1\r\n${host}accept: text/event-stream\r\n\r\n`,
);
const tick = kind === "events"
  ? encoder.encode(`POST / HTTP/1.1\r\n${host}content-length: 0\r\n\r\n`)
  : clientFrame("sixteen bytes !!");

function subscribe(): number {
  const fd = connect(port);
  send(fd, subscription);
  const { head } = receiveHead(fd);
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`no stream: ${head}`);
  return fd;
}

const join = kind === "events" ? subscribe : () => openWebSocket(port);
const members = Array.from({ length: clients }, join);
const publisher = kind === "events" ? connect(port) : members[0];
const poller = new Poller();
members.forEach((fd, index) => poller.add(fd, index));
if (kind === "events") poller.add(publisher, clients);

const latencies: number[] = [];
const publishedAt: number[] = [];
let published = 0;
let marks = 0;

function take(index: number): void {
  if (index === clients) {
    receive(publisher); // the answers to its POSTs
    return;
  }
  const count = receive(members[index]);
  for (let i = 0; i < count; i++) if (buffer[i] === MARK) marks++;
}

function publish(): void {
  const now = performance.now();
  const complete = Math.floor(marks / (MARKS * clients));
  while (latencies.length < complete) {
    latencies.push(now - publishedAt[latencies.length]);
  }
  while (published < complete + WINDOW) {
    publishedAt.push(now);
    published++;
    send(publisher, tick);
  }
}

/** Returns how many seconds it took. */
function broadcast(seconds: number): number {
  const start = performance.now();
  const end = start + seconds * 1000;
  publish();
  while (performance.now() < end) {
    poller.wait(take);
    publish();
  }
  return (performance.now() - start) / 1000;
}

broadcast(SETTLING);
const [marksBefore, latenciesBefore] = [marks, latencies.length];
tellReady();
const elapsed = broadcast(seconds);
tellReport({
  count: Math.floor((marks - marksBefore) / MARKS),
  seconds: elapsed,
  latencies: latencies.slice(latenciesBefore),
});
