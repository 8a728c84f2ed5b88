/**
 * Whether a server's connections send each write at once (TCP_NODELAY).
 *
 * @module
 */

import { openSockets } from "../../src/guard/sockets.ts";
import { openLibc } from "../../src/system/libc.ts";

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SYMBOLS = {
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
} as const;

/** Of each connection of this process that was accepted at `port`. */
export function connectionsWithoutDelay(port: number): boolean[] {
  using sockets = openSockets()!;
  using libc = openLibc(SYMBOLS)!;
  return sockets.descriptors().filter((fd) => {
    const own = sockets.ownAddress(fd);
    return own !== null && "port" in own && own.port === port &&
      sockets.peerAddress(fd) !== null;
  }).map((fd) => {
    const value = new Uint32Array(1);
    const length = new Uint32Array([value.byteLength]);
    const { getsockopt } = libc.symbols;
    return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, value, length) === 0 &&
      value[0] !== 0;
  });
}
