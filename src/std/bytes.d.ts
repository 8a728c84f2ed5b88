/** The function of `@std/bytes` that the server uses. */

/** The bytes of all `buffers` in a new array. */
export function concat(
  buffers: readonly Uint8Array[],
): Uint8Array<ArrayBuffer>;
