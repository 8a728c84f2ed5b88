/**
 * `--allowed-hosts`: the host names that requests may use for this server.
 *
 * A web page can point the name of its own host at this machine (DNS
 * rebinding) and then read what is served here; only the `host` field shows
 * it. Any page can open a WebSocket to any host; only `origin` shows it.
 */

import { fieldValue } from "../../http/headers.ts";
import { isLoopback } from "../../http/addresses.ts";
import { memo } from "../../http/memo.ts";
import type { Settings } from "../../options/settings.ts";
import { Refusal } from "../response/plain_answer.ts";
import type { RequestHead } from "./head.ts";

/** An address that the server listens at. */
export interface ListeningPlace {
  /** The option: an address, a host name, or the path of a Unix socket. */
  readonly host: string;
  /** The bound IP address; null for a Unix socket, and without a socket. */
  readonly address: string | null;
  readonly secure: boolean;
}

/** Returns the refusal of a request for a host that is not allowed, or null. */
export type HostCheck = (head: RequestHead) => Refusal | null;

/** Makes the check for one address; null if every host is allowed there. */
export function compileAllowedHosts(
  { allowedHosts }: Settings,
  { host, address, secure }: ListeningPlace,
): HostCheck | null {
  if (allowedHosts.includes("*")) return null;
  const names = allowedHosts.filter((name) => name !== "loopback");
  if (names.length === 0) {
    if (allowedHosts.length === 0) return null;
    // With TLS, this server would need a certificate for the page's host.
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
  return (head) => {
    const { host } = head;
    if (!isAllowed(host)) {
      const name = shown(hostName(host));
      return new Refusal(
        421,
        `This server does not answer for the host ${name}; the option --allowed-hosts lists those that it does.`,
        [],
        remedy,
      );
    }
    const origin = head.kind === "websocket"
      ? fieldValue(head.headers, "origin")
      : null;
    if (origin === null) return null;
    // Browsers send "null" for an opaque origin (RFC 6454, 7.1).
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

/** True for names of the loopback interface (RFC 6761, section 6.3). */
function isThisMachine(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") ||
    isLoopback(name);
}

/** The host name or address, in lower case and without the port. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "").toLowerCase();
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
