/**
 * The error of everything a user can get wrong in options.
 *
 * @module
 */

/**
 * A wrong option, value or combination. The message is one line for the person
 * who wrote it; no stack trace is needed. On the command line it means exit
 * code 2.
 */
export class OptionError extends Error {
  override name = "OptionError";
}
