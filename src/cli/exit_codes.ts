/**
 * What the process ends with.
 *
 * @module
 */

/** The exit codes, as `--help` lists them (PAGI.md 6). */
export const EXIT = {
  /** It did what it was asked to. */
  ok: 0,
  /** The app, an address or a file could not be used. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
} as const;
