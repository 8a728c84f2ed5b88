/**
 * The WebSocket handshake and frames of load clients (RFC 6455).
 *
 * @module
 */

import { connect, receiveHead, send } from "./sockets.ts";

const encoder = new TextEncoder();

/** Opens a WebSocket; returns its descriptor. */
export function openWebSocket(port: number): number {
  const fd = connect(port);
  send(
    fd,
    encoder.encode(
      `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\n` +
        "connection: Upgrade\r\nsec-websocket-version: 13\r\n" +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ),
  );
  const { head } = receiveHead(fd);
  if (!head.startsWith("HTTP/1.1 101 ")) {
    throw new Error(`no WebSocket: ${head}`);
  }
  return fd;
}

/** A text message of up to 125 bytes as a client sends it, masked with 0. */
export function clientFrame(text: string): Uint8Array<ArrayBuffer> {
  const payload = encoder.encode(text);
  return new Uint8Array([0x81, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
}

/** The same message as a server sends it. */
export function serverFrame(text: string): Uint8Array<ArrayBuffer> {
  const payload = encoder.encode(text);
  return new Uint8Array([0x81, payload.length, ...payload]);
}
