/**
 * Development or production: who decides, and what it means for the app.
 *
 * @module
 */

import { log } from "../log/log.ts";
import { errorPage, errorResponse } from "../middleware/error_page.ts";
import { lint } from "../middleware/lint.ts";
import type { Settings } from "../options/settings.ts";
import { directOf, withDirect } from "../pagi/fetch.ts";
import type { PagiApp } from "../pagi/types.ts";

/** What a server is run for (PAGI.md 7, "Mode"). */
export type AppMode = NonNullable<Settings["env"]>;

/**
 * The mode of a command line: what it or `PAGI_ENV` says; else development
 * where somebody can type into the standard input, as the Perl server has it,
 * and production elsewhere.
 *
 * It is put into `PAGI_ENV` for apps, and for the processes that this one
 * starts: a daemon and a successor have no terminal, and keep the mode.
 */
export function decideMode({ env }: Settings): AppMode {
  const mode = env ?? (Deno.stdin.isTerminal() ? "development" : "production");
  Deno.env.set("PAGI_ENV", mode);
  return mode;
}

/** The app as the mode has it served; in production it is the app itself. */
export function appInMode(app: PagiApp, settings: Settings): PagiApp {
  const { env, noDefaultMiddleware } = settings;
  if (env !== "development" || noDefaultMiddleware) return app;
  const checked = errorPage(lint(app));
  const direct = directOf(app);
  return direct === null
    ? checked
    : withDirect(checked, { ...direct, errorPage: errorResponse });
}

/**
 * Keeps this thread alive when a timer or a forgotten promise of the app
 * throws: that would end all other requests too. Each is logged.
 *
 * @param onThrown Called when something was thrown that nothing caught; not
 * for rejected promises.
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
