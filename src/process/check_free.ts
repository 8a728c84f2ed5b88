/**
 * Whether addresses can be listened at.
 *
 * @module
 */

import { canShareUnixSockets } from "../engine/unix_listener.ts";
import type { ListenAddress } from "../options/address.ts";
import { ListenError, listenError } from "../server/listen_address.ts";

/**
 * Checks that workers can share the addresses.
 *
 * @throws {ListenError} For ports without the unstable API, and for Unix
 * sockets without FFI.
 */
export function checkShareable(addresses: readonly ListenAddress[]): void {
  for (const address of addresses) {
    if ("port" in address && !canShare()) {
      throw new ListenError(
        "Several workers need --unstable-net: add it to the options of deno run, or use --workers 1.",
      );
    }
    if ("path" in address && !canShareUnixSockets()) {
      throw new ListenError(
        `Cannot listen at ${address.path} with several workers: they can share a Unix socket on Linux with glibc only, and with the permission for FFI (deno run -A). Use --workers 1, or a port.`,
      );
    }
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
