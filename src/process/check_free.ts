/**
 * Whether addresses can be listened at.
 *
 * @module
 */

import type { ListenAddress } from "../options/address.ts";
import { ListenError, listenError } from "../server/listen_error.ts";

/**
 * Binds each address once and lets it go: with SO_REUSEPORT, which workers
 * need, a port that another server of the same user holds is not refused.
 *
 * @throws {ListenError} When one is taken, not allowed or not there.
 */
export function checkFree(addresses: readonly ListenAddress[]): void {
  for (const address of addresses) {
    if ("path" in address) {
      throw new ListenError(
        `Cannot listen at ${address.path} with several workers: a Unix socket has one owner. Use --workers 1, or a port.`,
      );
    }
    const { host, port } = address;
    try {
      Deno.listen({ hostname: host, port }).close();
    } catch (error) {
      throw listenError(address, error);
    }
  }
}
