/** The options of the bundled apps, for `pagi-server APP --help`. */

import { appHelp, type AppOptionTable } from "../options/app_options.ts";
import { nearest, quote } from "../options/option_error.ts";
import { BUNDLED_APPS, optionsOf } from "./bundled_apps.ts";

/** The help of the bundled app called `name`; null when there is none. */
export async function bundledAppHelp(
  name: string,
  width?: number,
): Promise<string | null> {
  const table = await bundledAppOptions(name);
  return table && appHelp(name, table, width);
}

/** The options of the bundled app called `name`; null when there is none. */
export async function bundledAppOptions(
  name: string,
): Promise<AppOptionTable | null> {
  const load = BUNDLED_APPS.get(name);
  return load === undefined ? null : await options(load);
}

/** Those of the app, and those of what may wrap each. */
async function options(load: () => Promise<object>): Promise<AppOptionTable> {
  const { default: app } = await load() as { default: unknown };
  const { wrapperOptions } = await import("../middleware/wrap_app.ts");
  return { ...optionsOf(app), ...wrapperOptions };
}

/**
 * How an option that the server does not have is written for the bundled app
 * of the command line `args`, or null when that app has none like it. Without
 * an app it is Directory, and only the very name counts.
 */
export async function appOptionHint(
  option: string,
  args: readonly string[],
): Promise<string | null> {
  const named = args.find((arg) => BUNDLED_APPS.has(arg));
  if (named === undefined && args.some(isAnotherApp)) return null;
  const app = named ?? "PAGI::App::Directory";
  const table = await options(BUNDLED_APPS.get(app)!);
  const names = Object.entries(table).flatMap(([name, { aliases = [] }]) => [
    name,
    ...aliases,
  ]);
  const word = option.replace(/^-+/, "").replaceAll("-", "_");
  const meant = names.includes(word)
    ? word
    : named === undefined
    ? null
    : nearest(word, names);
  if (meant === null) return null;
  const at = args.findIndex((arg) => arg.split("=")[0] === option);
  const [, attached] = /=(.*)/s.exec(args[at] ?? "") ?? [];
  const next = args[at + 1];
  const value = attached ??
    (next === undefined || /^-|=|::/.test(next) ? "…" : next);
  return `${app} takes it after its name, as ${quote(`${meant}=${value}`)}`;
}

/** An argument that is, or names, an app that is not bundled. */
function isAnotherApp(arg: string): boolean {
  return /^-(?:e|a|-eval|-app)\b|^(?:jsr|npm|https?|file):|::|\.[cm]?[jt]sx?$/
    .test(arg);
}
