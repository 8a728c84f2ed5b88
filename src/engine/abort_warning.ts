/**
 * A warning of Deno's that is none of the user's business.
 *
 * @module
 */

const START = "Deno.serve: request.signal aborts on successful responses";

/**
 * Keeps from the log that Deno aborts the signals of answered requests, which
 * it says once in each thread. The server knows, and gives apps signals of its
 * own; only where it runs as a package can it not ask for the other behaviour.
 */
export function hideLegacyAbortWarning(): void {
  const { warn } = console;
  console.warn = (...words: unknown[]): void => {
    if (!String(words[0]).startsWith(START)) warn.apply(console, words);
  };
}
