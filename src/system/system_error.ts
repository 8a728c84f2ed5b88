/**
 * What the system does not let the server do.
 *
 * @module
 */

/** A refusal by the system, in words for the person who asked for it. */
export class SystemError extends Error {
  override readonly name = "SystemError";
}
