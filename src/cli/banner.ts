/**
 * What people see when the server has started.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import type { ListenAddress } from "../options/address.ts";
import { VERSION } from "./version.ts";

/** What the banner tells of. */
export interface BannerFacts {
  /** What is served. */
  readonly title: string;
  /** What a browser can open. */
  readonly urls: readonly string[];
  readonly addresses: readonly ListenAddress[];
  /** Connections in all; null where nobody counts. */
  readonly connectionLimit: number | null;
  readonly settings: Settings;
}

/** The lines of the banner: what, where, and with what limits. */
export function banner(facts: BannerFacts): string {
  const { title, urls, addresses, connectionLimit, settings } = facts;
  const sockets = addresses.flatMap((address) =>
    "path" in address ? [`unix:${address.path}`] : []
  );
  const where = [...urls, ...sockets].join("\n          ");
  const limits = [
    connectionLimit === null ? "" : `${connectionLimit} connections`,
    settings.maxBodySize === 0
      ? "request bodies of any size"
      : `request bodies up to ${size(settings.maxBodySize)}`,
    settings.timeout === 0 ? "" : `idle for up to ${settings.timeout} s`,
  ].filter(Boolean).join(", ");
  return `pagi-server ${VERSION}
  serving ${title}
  at      ${where}
  limits  ${limits}
  stop it with Ctrl-C
`;
}

function size(bytes: number): string {
  if (bytes >= 1_000_000) return `${+(bytes / 1_000_000).toFixed(1)} MB`;
  if (bytes >= 1000) return `${+(bytes / 1000).toFixed(1)} kB`;
  return `${bytes} bytes`;
}
