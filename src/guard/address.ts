/** Socket addresses as text, spelled as Deno spells them. */

/** Linux's families of addresses. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** The largest address: `struct sockaddr_un` (bytes). */
export const ADDRESS_SIZE = 110;

/** The address of one end of a socket, as Deno gives it for a listener. */
export type SocketAddress = Deno.NetAddr | Deno.UnixAddr;

/** An address as text, to compare it with others. */
export function addressName(address: SocketAddress): string {
  return "port" in address
    ? `${address.hostname}:${address.port}`
    : address.path;
}

/**
 * The key of a connection: its client's address (a handler's `info.remoteAddr`)
 * and that of the listener that accepted it.
 *
 * A client may connect from one port to several addresses of this host. Where
 * each has a listener of its own, no two open connections share a key. Those of
 * a listener at all addresses (`0.0.0.0`, `::`) may: the engine does not say at
 * which address a request came in.
 *
 * All connections of a Unix socket share one key: their clients have no address.
 *
 * @param listener See {@linkcode addressName}.
 */
export function peerKey(client: Deno.Addr, listener: string): string {
  return "hostname" in client
    ? `${client.hostname}:${client.port}>${listener}`
    : "unix";
}

/**
 * Reads a `struct sockaddr` of `length` bytes.
 *
 * @returns null for families other than IPv4, IPv6 and Unix.
 */
export function readAddress(
  bytes: Uint8Array,
  length: number,
): SocketAddress | null {
  const family = bytes[0] | bytes[1] << 8; // x86_64, aarch64: little-endian
  if (family === AF_UNIX) {
    // The final NUL may be missing; the address of a client has no bytes.
    const path = new TextDecoder().decode(bytes.subarray(2, length));
    return { transport: "unix", path: path.replace(/\0.*/s, "") };
  }
  const port = bytes[2] << 8 | bytes[3];
  if (family === AF_INET) {
    return { transport: "tcp", hostname: bytes.slice(4, 8).join("."), port };
  }
  if (family === AF_INET6) {
    return { transport: "tcp", hostname: ipv6(bytes.subarray(8, 24)), port };
  }
  return null;
}

/** RFC 5952, but IPv4-mapped addresses as Deno prints them: `::ffff:1.2.3.4`. */
function ipv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes[i] << 8 | bytes[i + 1]);
  if (groups[5] === 0xffff && !groups.slice(0, 5).some(Boolean)) {
    return `::ffff:${bytes.slice(12).join(".")}`;
  }
  const hex = groups.map((group) => group.toString(16)).join(":");
  return new URL(`http://[${hex}]`).hostname.slice(1, -1);
}
