/**
 * What the server says once it serves: what, where, for whom, and with what
 * limits.
 */

import { byteSize } from "../log/development_format.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { Settings } from "../options/settings.ts";
import type { ServiceFacts } from "../process/run_service.ts";
import { bracketed, isLoopback } from "../http/addresses.ts";
import {
  type NetworkInterface,
  networkInterfaces,
  reachable,
} from "../system/network.ts";
import { VERSION } from "./version.ts";

/** How many addresses of this machine are shown at most. */
const MAX_SHOWN = 8;

/**
 * The lines of the banner.
 *
 * @param page The file to open first, below the folder that is served.
 */
export function banner(
  facts: ServiceFacts,
  page: string | null = null,
  interfaces: readonly NetworkInterface[] = networkInterfaces(),
): string {
  const { title, settings, workers } = facts;
  const lines: [name: string, values: readonly string[]][] = [
    ["config", settings.config === null ? [] : [settings.config]],
    ["serving", title.split("\n")],
    ["at", places(facts)],
    [
      "open",
      page === null
        ? []
        : facts.urls.slice(0, 1).map((url) => url + encodeURIComponent(page)),
    ],
    ["others", reach(facts, interfaces)],
    ["workers", workers > 1 ? [String(workers)] : []],
    ["limits", [limits(facts)]],
    ["mode", [mode(settings)]],
  ];
  const text = lines.flatMap(([name, values]) =>
    values.map((value, i) => `  ${(i === 0 ? name : "").padEnd(8)}${value}\n`)
  ).join("");
  const stop = settings.daemonize ? `kill ${Deno.pid}` : "Ctrl-C";
  return `pagi-server ${VERSION}\n${text}  stop it with ${stop}\n`;
}

/** The URL of the file `page`, or of what is served below `url`. */
export function pageUrl(url: string, page: string | null): string {
  return page === null ? url : url + encodeURIComponent(page);
}

/** The places by name: URLs, and Unix sockets as `--listen` takes them. */
export function places(
  { urls, addresses }: Pick<ServiceFacts, "urls" | "addresses">,
): string[] {
  const sockets = addresses.flatMap((address) =>
    "path" in address ? [`unix:${address.path}`] : []
  );
  return [...urls, ...sockets];
}

/**
 * The URLs by which other machines reach a server that listens on all
 * addresses, or how to let them in where it listens on loopback alone and this
 * machine is in a network.
 */
function reach(
  { addresses, urls, settings }: ServiceFacts,
  interfaces: readonly NetworkInterface[],
): string[] {
  const found = othersUrls({ addresses, urls }, interfaces);
  if (found.length > MAX_SHOWN) {
    const more = found.length - MAX_SHOWN;
    return [...found.slice(0, MAX_SHOWN), `and ${more} more`];
  }
  if (found.length > 0) return found;
  const isAlone = addresses.every((address) =>
    "port" in address &&
    (address.host === "localhost" || isLoopback(address.host))
  );
  // A server behind a proxy should not be reached directly.
  if (!isAlone || settings.proxyHeaders || reachable(interfaces).length === 0) {
    return [];
  }
  return ["only this machine can connect; --host 0.0.0.0 lets others in"];
}

/** The URLs by which other machines reach what listens on all addresses. */
export function othersUrls(
  { addresses, urls }: Pick<ServiceFacts, "addresses" | "urls">,
  interfaces: readonly NetworkInterface[] = networkInterfaces(),
): string[] {
  const { protocol = "http:", pathname = "/" } = URL.parse(urls[0] ?? "") ?? {};
  return addresses.flatMap((address: ListenAddress) => {
    if (!("port" in address)) return [];
    const { host, port } = address;
    if (host !== "0.0.0.0" && host !== "::") return [];
    return reachable(interfaces)
      .filter(({ family }) => host === "::" || family === "IPv4")
      .map(({ address }) =>
        `${protocol}//${bracketed(address)}:${port}${pathname}`
      );
  });
}

function limits({ connectionLimit, settings }: ServiceFacts): string {
  // Without a guard, connections are not counted, nor idle ones closed.
  return [
    connectionLimit === null ? "" : `${connectionLimit} connections`,
    settings.maxBodySize === 0
      ? "request bodies of any size"
      : `request bodies up to ${byteSize(settings.maxBodySize)}`,
    connectionLimit === null || settings.timeout === 0
      ? ""
      : `idle for up to ${settings.timeout} s`,
  ].filter(Boolean).join(", ");
}

/** The mode, and what it does to the app. */
function mode({ env, noDefaultMiddleware }: Settings): string {
  if (env !== "development") return env ?? "none";
  return noDefaultMiddleware
    ? "development, with neither checks of the app nor error pages"
    : "development: the app is checked, and clients see its errors";
}
