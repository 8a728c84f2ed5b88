/**
 * The TLS files, read anew.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import { log } from "../log/log.ts";
import { type KeyPair, readKeyPair } from "../server/key_pair.ts";
import { listenError } from "../server/listen_error.ts";

/**
 * The pair that the settings name, as the files are now; where TLS cannot be
 * spoken with it, the log says why, and `present` stays.
 */
export async function reloadKeyPair(
  settings: Settings,
  present: KeyPair | null,
): Promise<KeyPair | null> {
  try {
    const pair = await readKeyPair(settings);
    if (pair !== null) tryOut(pair);
    return pair;
  } catch (error) {
    log.error(
      `The TLS files are broken, so the present ones stay: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return present;
  }
}

/** Listens with the pair on a port that nobody knows. */
function tryOut(pair: KeyPair): void {
  const address = { host: "127.0.0.1", port: 0 };
  try {
    Deno.listenTls({ hostname: address.host, port: 0, ...pair }).close();
  } catch (error) {
    throw listenError(address, error);
  }
}
