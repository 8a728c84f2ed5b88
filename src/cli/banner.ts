/**
 * What people see when the server has started.
 *
 * @module
 */

import type { Settings } from "../options/settings.ts";
import type { ServiceFacts } from "../process/run_service.ts";
import { VERSION } from "./version.ts";

/** The lines of the banner: what, where, and with what limits. */
export function banner(facts: ServiceFacts): string {
  const { title, connectionLimit, settings } = facts;
  // Without a guard nobody counts connections, nor sees which are idle.
  const limits = [
    connectionLimit === null ? "" : `${connectionLimit} connections`,
    settings.maxBodySize === 0
      ? "request bodies of any size"
      : `request bodies up to ${size(settings.maxBodySize)}`,
    connectionLimit === null || settings.timeout === 0
      ? ""
      : `idle for up to ${settings.timeout} s`,
  ].filter(Boolean).join(", ");
  const stop = settings.daemonize ? `kill ${Deno.pid}` : "Ctrl-C";
  return `pagi-server ${VERSION}
  serving ${title.replaceAll("\n", "\n          ")}
  at      ${places(facts).join("\n          ")}
  limits  ${limits}
  mode    ${mode(settings)}
  stop it with ${stop}
`;
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

/** The mode, and what it does to the app. */
function mode({ env, noDefaultMiddleware }: Settings): string {
  if (env !== "development") return env ?? "none";
  return noDefaultMiddleware
    ? "development, with neither checks of the app nor error pages"
    : "development: the app is checked, and clients see its errors";
}

function size(bytes: number): string {
  if (bytes >= 1_000_000) return `${+(bytes / 1_000_000).toFixed(1)} MB`;
  if (bytes >= 1000) return `${+(bytes / 1000).toFixed(1)} kB`;
  return `${bytes} bytes`;
}
