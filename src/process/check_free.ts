/**
 * Whether addresses can be listened at.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import { ListenError, listenError } from "../server/listen_error.ts";

/**
 * Checks that listeners can share the addresses.
 *
 * @throws {ListenError} For Unix sockets, and without the unstable API.
 */
export function checkShareable(addresses: readonly ListenAddress[]): void {
  if (!canShare()) {
    throw new ListenError(
      "Several workers need --unstable-net: add it to the options of deno run, or use --workers 1.",
    );
  }
  for (const address of addresses) {
    if (!("path" in address)) continue;
    throw new ListenError(
      `Cannot listen at ${address.path} with several workers: a Unix socket has one owner. Use --workers 1, or a port.`,
    );
  }
}

/** Tells whether Deno lets listeners share an address, as on Linux they can. */
export function canShare(): boolean {
  return Deno.build.os === "linux" && "listenDatagram" in Deno;
}

/**
 * Binds each address once and lets it go: with SO_REUSEPORT, a port that
 * another server of the same user shares is not refused.
 *
 * @throws {ListenError} When one is taken, not allowed or not there.
 */
export function checkFree(addresses: readonly ListenAddress[]): void {
  for (const address of addresses) {
    if ("path" in address) continue;
    const { host, port } = address;
    try {
      Deno.listen({ hostname: host, port }).close();
    } catch (error) {
      throw listenError(address, error);
    }
  }
}
