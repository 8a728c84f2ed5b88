/** The apps that come with the server, loaded when named. */

import type { AppOptionTable } from "../options/app_options.ts";

/** Imports the module of each bundled app. */
export const BUNDLED_APPS: ReadonlyMap<string, () => Promise<object>> = new Map<
  string,
  () => Promise<object>
>([
  ["PAGI::App::Cascade", () => import("../apps/cascade.ts")],
  ["PAGI::App::Directory", () => import("../apps/directory.ts")],
  ["PAGI::App::File", () => import("../apps/file.ts")],
  ["PAGI::App::Healthcheck", () => import("../apps/healthcheck.ts")],
  ["PAGI::App::NotFound", () => import("../apps/not_found.ts")],
  ["PAGI::App::Proxy", () => import("../apps/proxy.ts")],
  ["PAGI::App::Redirect", () => import("../apps/redirect.ts")],
  ["PAGI::App::SSE::Pubsub", () => import("../apps/sse_pubsub.ts")],
  ["PAGI::App::URLMap", () => import("../apps/url_map.ts")],
]);

/** The options of a bundled app, which its class holds. */
export function optionsOf(app: unknown): AppOptionTable {
  return (app as { readonly options: AppOptionTable }).options;
}
