/**
 * The options of the bundled apps, for `pagi-server APP --help`.
 *
 * @module
 */

import { appHelp, type AppOptionTable } from "../options/app_options.ts";
import { BUNDLED_APPS } from "./bundled_apps.ts";

/** What a bundled app tells of itself. */
interface BundledApp {
  readonly default: { readonly options: AppOptionTable };
}

/** The help of the bundled app called `name`; null when there is none. */
export async function bundledAppHelp(name: string): Promise<string | null> {
  const load = BUNDLED_APPS.get(name);
  if (load === undefined) return null;
  const { default: app } = await load() as BundledApp;
  return appHelp(name, app.options);
}
