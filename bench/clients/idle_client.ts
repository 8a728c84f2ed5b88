/**
 * Connections that got one answer and then keep silent, until the standard
 * input ends: `idle_client.ts PORT CONNECTIONS`.
 *
 * @module
 */

import { connect, receiveHead, send } from "./sockets.ts";

const [port, connections] = Deno.args.map(Number);
const request = new TextEncoder().encode(
  `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`,
);
for (let i = 0; i < connections; i++) {
  const fd = connect(port);
  send(fd, request);
  receiveHead(fd);
}
Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
for await (const _ of Deno.stdin.readable);
