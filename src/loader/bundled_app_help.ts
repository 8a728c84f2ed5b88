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
  return load === undefined ? null : appHelp(name, await options(load));
}

/** The options of all bundled apps, by name. */
export async function bundledAppOptions(): Promise<
  Map<string, AppOptionTable>
> {
  const found = new Map<string, AppOptionTable>();
  for (const [name, load] of BUNDLED_APPS) found.set(name, await options(load));
  return found;
}

async function options(load: () => Promise<object>): Promise<AppOptionTable> {
  const { default: app } = await load() as BundledApp;
  return app.options;
}
