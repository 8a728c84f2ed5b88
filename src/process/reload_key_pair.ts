/**
 * The TLS files, read anew.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import { log } from "../log/log.ts";
import { type KeyPair, readKeyPair } from "../server/key_pair.ts";
import { rootHelper } from "./root_helper.ts";

/**
 * The pair that the settings name, as the files are now; where TLS cannot be
 * spoken with it, the log says why, and `present` stays.
 */
export async function reloadKeyPair(
  settings: Settings,
  present: KeyPair | null,
): Promise<KeyPair | null> {
  try {
    const files = await rootHelper()?.readKeys() ?? null;
    if (files !== null) return await readKeyPair(settings, files);
    for (const path of [settings.sslCert, settings.sslKey]) {
      // Nobody writes a second time to what a shell gave for `<(...)`.
      if (path !== null && !Deno.statSync(path).isFile) return present;
    }
    return await readKeyPair(settings);
  } catch (error) {
    log.error(
      `The TLS files cannot be used, so the present ones stay: ${
        error instanceof Error ? error.message : error
      }`,
    );
    return present;
  }
}
