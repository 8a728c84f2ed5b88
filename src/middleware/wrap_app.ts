/**
 * The options that every bundled app and every mount takes beside its own, and
 * what they wrap around the app when it is made.
 *
 * @module
 */

import { type AppOptionTable, readAppOptions } from "../options/app_options.ts";
import type { PagiApp } from "../pagi/types.ts";
import { auth, authOptions } from "./auth.ts";

/** The options, for `--help`. */
export const wrapperOptions: AppOptionTable = { ...authOptions };

/**
 * Wraps `app` as the options say.
 *
 * @throws {OptionError} When one of them is wrong, or lacks another.
 */
export function wrapApp(
  app: PagiApp,
  options: Readonly<Record<string, string>>,
): PagiApp {
  readAppOptions("the app", wrapperOptions, options);
  const of = (table: AppOptionTable) => {
    const mine = Object.entries(options).filter(([key]) =>
      Object.hasOwn(table, key)
    );
    return mine.length === 0 ? null : Object.fromEntries(mine);
  };
  const authGiven = of(authOptions);
  if (authGiven !== null) app = auth(authGiven)(app);
  return app;
}
