/**
 * HTTP/1.1 connections that ask again as soon as they are answered:
 * `http_client.ts SERVERS CONNECTIONS REQUEST SECONDS`.
 *
 * @module
 */

import { Asking } from "./asking.ts";
import { answerSize, connect, send } from "./sockets.ts";
import { takeTurns } from "./turns.ts";

const [servers, connectionsText, text, secondsText] = Deno.args;
const connections = Number(connectionsText);
const seconds = Number(secondsText);

function loader(port: number): Asking {
  const request = new TextEncoder().encode(
    text.replace("\r\n", `\r\nhost: 127.0.0.1:${port}\r\n`),
  );
  const sockets = Array.from({ length: connections }, () => connect(port));
  const sizes = sockets.map((fd) => {
    send(fd, request);
    return answerSize(fd);
  });
  return new Asking(sockets, request, sizes[0]);
}

takeTurns(servers, loader, seconds);
