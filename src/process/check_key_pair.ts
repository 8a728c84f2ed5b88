/**
 * Whether a certificate and a key go together.
 *
 * @module
 */

import type { KeyPair } from "../server/key_pair.ts";
import { listenError } from "../server/listen_error.ts";

/**
 * Tries the pair on a port that nobody knows.
 *
 * @throws {Error} When TLS cannot be spoken with it.
 */
export function checkKeyPair(pair: KeyPair): void {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair }).close();
  } catch (error) {
    throw listenError({ host: "127.0.0.1", port: 0 }, error);
  }
}
