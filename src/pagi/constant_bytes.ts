/** Bytes that never change. */

const constants = new WeakSet<ArrayBufferLike>();

/**
 * Declares that `bytes`, and all else in their buffer, never change from now
 * on: the server then sends them, or parts of them, without a copy. Other
 * bytes it copies, as an app may use its buffers again.
 */
export function markImmutable(bytes: Uint8Array): void {
  constants.add(bytes.buffer);
}

/** Bytes below which a copy is faster than the look-up of the buffer. */
const WORTH_LOOKING = 256;

/** Whether `bytes` were declared immutable; false for a few bytes. */
export function isImmutable(bytes: Uint8Array): boolean {
  return bytes.length >= WORTH_LOOKING && constants.has(bytes.buffer);
}
