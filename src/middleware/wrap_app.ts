/**
 * The options that every bundled app and every mount has besides its own: each
 * group wraps the app in a middleware.
 */

import {
  type AppOptionTable,
  readAppOptions,
  type TableFor,
} from "../options/app_options.ts";
import type { Middleware } from "./middleware.ts";
import type { PagiApp } from "../pagi/types.ts";
import { auth, authOptions } from "./auth.ts";
import { cors, corsOptions, headersOptions, responseHeaders } from "./cors.ts";
import { sharing, sharingOptions } from "./sharing.ts";

/** The options, for `--help`. */
export const wrapperOptions: AppOptionTable = {
  ...authOptions,
  ...corsOptions,
  ...headersOptions,
  ...sharingOptions,
};

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
  const add = <O>(table: TableFor<O>, middleware: (given: O) => Middleware) => {
    const mine = Object.entries(options).filter(([key]) =>
      Object.hasOwn(table, key)
    );
    if (mine.length > 0) app = middleware(Object.fromEntries(mine) as O)(app);
  };
  // The outermost comes last: responses of auth get the fields of CORS, and
  // nothing else applies outside the path or time of a share.
  add(authOptions, auth);
  add(corsOptions, cors);
  add(headersOptions, responseHeaders);
  add(sharingOptions, sharing);
  return app;
}
