/**
 * The certificate and key of TLS.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import { ListenError } from "./listen_error.ts";

/** A certificate and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads `--ssl-cert` and `--ssl-key`; null where TLS is not asked for.
 *
 * @throws {ListenError} When a file cannot be read.
 */
export async function readKeyPair(settings: Settings): Promise<KeyPair | null> {
  const { sslCert, sslKey } = settings;
  if (sslCert === null || sslKey === null) return null;
  return {
    cert: await read("--ssl-cert", sslCert),
    key: await read("--ssl-key", sslKey),
  };
}

async function read(option: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new ListenError(
      `Cannot read ${path} (${option}): ${
        error instanceof Error ? error.message : error
      }`,
    );
  }
}
