/**
 * What `--probe` found wrong.
 *
 * @module
 */

/** A server that is not well; the message says in what way. */
export class ProbeError extends Error {
  override readonly name = "ProbeError";
}
