/** Addresses to listen at, and the errors of listening there. */

import { bracketed } from "../http/addresses.ts";
import { isBadKeyPair, isUnknownHost } from "../engine/error_text.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Settings } from "../options/settings.ts";
import { messageOf, visible } from "../options/option_error.ts";
import { nextFreePort, portHolder } from "../system/network.ts";

type HostAndPort = Extract<ListenAddress, { port: number }>;

/** Listening at an address failed; the message is for the person who chose it. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  /** @param freePort A free port above the one in use; null if none is known. */
  constructor(
    message: string,
    readonly freePort: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Turns an error of the engine into a {@linkcode ListenError}. */
export function listenError(
  address: ListenAddress,
  error: unknown,
): ListenError {
  if ("port" in address && error instanceof Deno.errors.AddrInUse) {
    const free = nextFreePort(address.host, address.port);
    return new ListenError(taken(address, free), free, { cause: error });
  }
  return new ListenError(sentence(address, error), null, { cause: error });
}

function taken(address: HostAndPort, free: number | null): string {
  const holder = portHolder(address.port);
  const who = holder === null
    ? "another program"
    : `${visible(holder.name)} (process ${holder.pid})`;
  const next = free === null ? "" : `; ${free} is free`;
  return `Cannot listen on ${
    authority(address)
  }: address already in use by ${who}. Stop it, or choose another port with --port${next}.`;
}

function authority({ host, port }: HostAndPort): string {
  return `${bracketed(host)}:${port}`;
}

function sentence(address: ListenAddress, error: unknown): string {
  const text = messageOf(error);
  if ("path" in address) return `Cannot listen on ${address.path}: ${text}`;
  const { host } = address;
  const where = authority(address);
  if (error instanceof Deno.errors.PermissionDenied) {
    return `Cannot listen on ${where}: ports below 1024 need more rights. Choose a higher port, as in --port ${
      address.port + 8000
    }, or start as root with --user NAME.`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `Cannot listen on ${where}: this machine does not have the address ${host}. Choose another with --host.`;
  }
  if (isUnknownHost(error)) {
    return `Cannot listen on ${where}: no address is known for ${host}. Choose another with --host.`;
  }
  if (isBadKeyPair(error)) {
    return `Cannot use --ssl-cert and --ssl-key: ${text}. Both must be PEM files that belong together.`;
  }
  return `Cannot listen on ${where}: ${text}`;
}

/** The addresses that the settings name. */
export function listenAddresses(settings: Settings): readonly ListenAddress[] {
  if (settings.listen.length > 0) return settings.listen;
  if (settings.socket !== null) return [{ path: settings.socket }];
  return [{ host: settings.host, port: settings.port }];
}
