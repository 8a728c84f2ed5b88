/** The app in development mode, and its uncaught errors. */

import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";
import { directOf, withDirect } from "../pagi/fetch.ts";
import type { PagiApp } from "../pagi/types.ts";

/** Development or production (PAGI.md 7, "Mode"). */
export type AppMode = NonNullable<Settings["env"]>;

/**
 * The mode from the command line or `PAGI_ENV`; else development where standard
 * input is a terminal (as in the Perl server), and production elsewhere. Sets
 * `PAGI_ENV`, for apps and for a daemon or successor, which has no terminal.
 */
export function decideMode({ env }: Settings): AppMode {
  const mode = env ?? (Deno.stdin.isTerminal() ? "development" : "production");
  Deno.env.set("PAGI_ENV", mode);
  return mode;
}

/**
 * The app with what development mode adds; in production the app itself.
 *
 * @param directory What it serves and nothing else, or null.
 */
export async function appInMode(
  app: PagiApp,
  settings: Settings,
  directory: string | null = null,
): Promise<PagiApp> {
  const { env, noDefaultMiddleware, reload } = settings;
  if (env !== "development" || noDefaultMiddleware) return app;
  const { errorPage, errorResponse } = await import(
    "../middleware/error_page.ts"
  );
  const { lint } = await import("../middleware/lint.ts");
  const { pageReload } = await import("../middleware/page_reload.ts");
  const reloading = reload && directory !== null
    ? pageReload(app, directory)
    : app;
  const checked = errorPage(lint(reloading));
  const direct = directOf(app);
  return direct === null
    ? checked
    : withDirect(checked, { ...direct, errorPage: errorResponse });
}

/**
 * Logs uncaught errors and unhandled rejections of the app, which would
 * otherwise end this thread and all of its requests.
 *
 * @param onThrown Called for uncaught errors, not for rejections.
 */
export function handleUncaughtErrors(onThrown: () => void = () => {}): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(
      "A promise of the app was rejected, and nothing handled it.",
      event.reason,
    );
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error("The app threw outside of any request.", event.error);
    onThrown();
  });
}
