/**
 * Errors that nobody waits for.
 *
 * @module
 */

import { log } from "../log/log.ts";

/**
 * Keeps this thread alive when a timer or a forgotten promise of the app
 * throws: that would end all other requests too. Each is logged.
 *
 * @param onThrown Called when something was thrown that nothing caught; not
 * for rejected promises.
 */
export function surviveStrayErrors(onThrown: () => void = () => {}): void {
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
