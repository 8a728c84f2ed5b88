/**
 * Errors that nobody waits for.
 *
 * @module
 */

import { log } from "../log/log.ts";

/**
 * Keeps the process alive when a timer or a forgotten promise of the app
 * throws: that would end all other requests too. Each is logged.
 */
export function surviveStrayErrors(): void {
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
  });
}
