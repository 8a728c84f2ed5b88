/**
 * Where to listen: hosts, and addresses of TCP and Unix sockets.
 *
 * @module
 */

import { defineKind, integer } from "./kinds.ts";
import type { Kind } from "./kinds.ts";

/** One place to listen at. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

const NAME = /^[\w.-]+$/;
/** Two colons or more, and perhaps a zone; the bind finds finer errors. */
const IPV6 = /^(?=.*:.*:)[\da-f:.]+(%[\w.-]+)?$/i;

/** A host name or IP address; brackets around an IPv6 address may stand. */
export const host: Kind<string> = defineKind({
  placeholder: "HOST",
  allowed: "a host name or an IP address",
  parse(given) {
    const bare = given.replace(/^\[(.*:.*)\]$/, "$1");
    return NAME.test(bare) || IPV6.test(bare) ? bare : undefined;
  },
});

/** A port; 0 lets the system choose one. */
export const port: Kind<number> = {
  ...integer({ max: 65535 }),
  placeholder: "PORT",
};

/**
 * `host:port`, `[IPv6]:port` or `unix:path`. As with the Perl server, what
 * starts with "/" or ".", or has no colon, is a path too.
 */
export const listenAddress: Kind<ListenAddress> = defineKind({
  placeholder: "ADDRESS",
  allowed: "HOST:PORT, [IPV6]:PORT or unix:PATH",
  parse(given) {
    if (given.includes("\0")) return undefined;
    const path = /^unix:(.+)$/s.exec(given)?.[1];
    if (path !== undefined) return { path };
    if (/^[./]/.test(given)) return { path: given };
    const tcp = /^(\[.*\]|[^:]+):(\d+)$/.exec(given);
    if (tcp !== null) return tcpAddress(tcp[1], Number(tcp[2]));
    // Digits alone would make a socket file called 8080: no one means that.
    const isName = given !== "" && !given.includes(":") && !/^\d+$/.test(given);
    return isName ? { path: given } : undefined;
  },
  is(value): value is ListenAddress {
    if (typeof value !== "object" || value === null) return false;
    if ("path" in value) return typeof value.path === "string";
    return "host" in value && typeof value.host === "string" &&
      "port" in value && typeof value.port === "number" &&
      tcpAddress(value.host, value.port) !== undefined;
  },
});

function tcpAddress(
  hostText: string,
  portNumber: number,
): ListenAddress | undefined {
  try {
    return { host: host.parse(hostText), port: port.accept(portNumber) };
  } catch {
    return undefined;
  }
}

/**
 * A host that requests may name: a name, an address, `.name` for all below it
 * too (`*.name` means the same), `loopback`, or `*` for any.
 */
export const allowedHost: Kind<string> = defineKind({
  placeholder: "HOST",
  allowed:
    "a host name or IP address without port, .example.com, loopback or *",
  parse(given) {
    if (given === "*") return given;
    const [, wildcard, rest] = /^(\*?\.)?(.*)$/s.exec(given)!;
    const bare = rest.replace(/^\[(.*:.*)\]$/, "$1");
    if (!NAME.test(bare) && !IPV6.test(bare)) return undefined;
    // As browsers write it: lower case, and IPv6 in its shortest form.
    const text = bare.includes(":") ? `[${bare}]` : bare;
    const name = URL.parse(`http://${text}/`)?.hostname
      .replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
    return name && (wildcard === undefined ? name : `.${name}`);
  },
});
