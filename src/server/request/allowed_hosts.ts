/**
 * `--allowed-hosts`: which names of this server requests may use.
 *
 * A page of the Web can have the name of its own host lead to this machine
 * (DNS rebinding), and then read what is served here as if it were its own;
 * nothing but the name in the `host` field tells. And any page can open a
 * WebSocket to any host; nothing but its `origin` field tells.
 *
 * @module
 */

import { fieldValue } from "../../http/headers.ts";
import { parseIpAddress } from "../../http/addresses.ts";
import { memo } from "../../http/memo.ts";
import type { Settings } from "../../options/settings.ts";
import { Refusal } from "../response/plain_answer.ts";
import type { RequestHead } from "./head.ts";

/** Where requests come in. */
export interface ListeningPlace {
  /** As it was given: an address, a name, or the path of a Unix socket. */
  readonly host: string;
  /** As it was bound; null for a Unix socket, and without a socket. */
  readonly address: string | null;
  readonly secure: boolean;
}

/** The refusal of a request that names a host it may not; null of any other. */
export type HostCheck = (head: RequestHead) => Refusal | null;

/** What `--allowed-hosts` asks for at one address; null for nothing. */
export function compileAllowedHosts(
  { allowedHosts }: Settings,
  { host, address, secure }: ListeningPlace,
): HostCheck | null {
  if (allowedHosts.includes("*")) return null;
  const names = allowedHosts.filter((name) => name !== "loopback");
  if (names.length === 0) {
    if (allowedHosts.length === 0) return null;
    // With TLS a page would need a certificate for its name from here.
    if (secure || address === null || !isLoopback(address)) return null;
    names.push(host.toLowerCase());
  }
  const isAllowed = memo((host) => {
    const name = hostName(host);
    return isThisMachine(name) ||
      names.some((allowed) =>
        allowed.startsWith(".")
          ? name === allowed.slice(1) || name.endsWith(allowed)
          : name === allowed
      );
  });
  const remedy = allowedHosts.length === 1 && allowedHosts[0] === "loopback"
    ? "--allowed-hosts or --proxy-headers can allow it"
    : "--allowed-hosts does not name it";
  return ({ kind, headers }) => {
    const host = fieldValue(headers, "host") ?? "";
    if (!isAllowed(host)) {
      const name = shown(hostName(host));
      return new Refusal(
        421,
        `This server does not answer for the host ${name}; the option --allowed-hosts says for which it does.`,
        [],
        remedy,
      );
    }
    const origin = kind === "websocket" ? fieldValue(headers, "origin") : null;
    if (origin === null) return null;
    // "null" where the browser keeps it secret.
    const page = origin.split("://")[1] ?? "";
    if (hostName(page) === hostName(host) || isAllowed(page)) return null;
    return new Refusal(
      403,
      `This server takes no WebSockets from pages of ${
        shown(origin)
      }; the option --allowed-hosts says from which it does.`,
      [],
      remedy,
    );
  };
}

/** True of names that lead to the machine that uses them (RFC 6761, 6.3). */
function isThisMachine(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") ||
    isLoopback(name);
}

/** True of 127.0.0.0/8 and ::1 (RFC 6890). */
function isLoopback(address: string): boolean {
  const bytes = parseIpAddress(address)?.bytes;
  return bytes !== undefined &&
    (bytes.length === 4
      ? bytes[0] === 127
      : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0)));
}

/** The name or address in a host with or without a port, in lower case. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "").toLowerCase();
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
