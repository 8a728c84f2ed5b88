/**
 * WebSockets that send a message again as soon as it came back:
 * `echo_client.ts SERVERS CONNECTIONS SECONDS`.
 *
 * @module
 */

import { Asking } from "./asking.ts";
import { clientFrame, openWebSocket, serverFrame } from "./handshake.ts";
import { buffer, receive, send } from "./sockets.ts";
import { takeTurns } from "./turns.ts";

const [connections, seconds] = Deno.args.slice(1).map(Number);
const TEXT = "thirty-two bytes, there and back";
const frame = clientFrame(TEXT);
const echo = serverFrame(TEXT);

/** Opens a WebSocket on which a first message came back as it was sent. */
function open(port: number): number {
  const fd = openWebSocket(port);
  send(fd, frame);
  const answer = buffer.subarray(0, receive(fd));
  if (answer.join() !== echo.join()) {
    throw new Error(`an echo is not what was sent: ${answer}`);
  }
  return fd;
}

function loader(port: number): Asking {
  const sockets = Array.from({ length: connections }, () => open(port));
  return new Asking(sockets, frame, echo.length);
}

takeTurns(Deno.args[0], loader, seconds);
