/**
 * Where to listen, and why that cannot be done.
 *
 * @module
 */

import { isBadKeyPair, isUnknownHost } from "../engine/error_text.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Settings } from "../options/settings.ts";
import { messageOf } from "../options/option_error.ts";

/** An address that cannot be listened at, in words for the person who chose it. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Puts the engine's error in such words. */
export function listenError(
  address: ListenAddress,
  error: unknown,
): ListenError {
  return new ListenError(sentence(address, error), { cause: error });
}

function sentence(address: ListenAddress, error: unknown): string {
  const text = messageOf(error);
  if ("path" in address) return `Cannot listen at ${address.path}: ${text}`;
  const { host, port } = address;
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `Cannot listen at ${where}: the port is taken by another program. Stop that one, or choose another port with --port.`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `Cannot listen at ${where}: ports below 1024 need more rights. Choose a higher port with --port, or start as root.`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `Cannot listen at ${where}: this machine does not have the address ${host}. Choose another with --host.`;
  }
  if (isUnknownHost(error)) {
    return `Cannot listen at ${where}: no address is known for ${host}. Choose another with --host.`;
  }
  if (isBadKeyPair(error)) {
    return `Cannot use --ssl-cert and --ssl-key: ${text}. Both must be PEM files that belong together.`;
  }
  return `Cannot listen at ${where}: ${text}`;
}

/** Where the settings say to listen. */
export function listenAddresses(settings: Settings): readonly ListenAddress[] {
  if (settings.listen.length > 0) return settings.listen;
  if (settings.socket !== null) return [{ path: settings.socket }];
  return [{ host: settings.host, port: settings.port }];
}
