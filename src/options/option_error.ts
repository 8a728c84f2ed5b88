/**
 * The error of everything a user can get wrong in options.
 *
 * @module
 */

import { quote } from "./quote.ts";

/**
 * A wrong option, value or combination. The message is one line for the person
 * who wrote it; no stack trace is needed. On the command line it means exit
 * code 2.
 */
export class OptionError extends Error {
  override name = "OptionError";
}

/** An option that the server does not have. */
export class UnknownOptionError extends OptionError {
  /**
   * @param option as it was written, without a value: `--prot`
   * @param meant the long name of the option that is probably meant, or null
   */
  constructor(readonly option: string, meant: string | null) {
    const hint = meant === null ? "" : `; did you mean --${meant}?`;
    super(`unknown option ${quote(option)}${hint}`);
  }
}
