/**
 * HTTP/1.1 connections that ask again as soon as they are answered:
 * `http_client.ts SERVERS CONNECTIONS REQUEST SECONDS`.
 *
 * @module
 */

import { Asking } from "./asking.ts";
import { buffer, connect, receive, send } from "./sockets.ts";
import { takeTurns } from "./turns.ts";

const [servers, connectionsText, text, secondsText] = Deno.args;
const connections = Number(connectionsText);
const seconds = Number(secondsText);

const LATIN1 = new TextDecoder("latin1");

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

/** Reads an answer and tells how long it was: the same each time. */
function answerSize(fd: number): number {
  for (let text = "";;) {
    const count = receive(fd);
    text += LATIN1.decode(buffer.subarray(0, count));
    if (!/^HTTP\/1.1 (200|304) /.test(text)) throw new Error(`failed: ${text}`);
    const head = text.indexOf("\r\n\r\n") + 4;
    const length = /^content-length: *(\d+)\r$/im.exec(text)?.[1];
    const isWhole = head > 3 &&
      (length === undefined
        ? text.endsWith("\r\n0\r\n\r\n")
        : text.length === head + Number(length));
    if (isWhole) return text.length;
  }
}

takeTurns(servers, loader, seconds);
