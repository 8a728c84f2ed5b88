/**
 * Compression with gzip in slices of time: Deno compresses in this thread, also
 * with `node:zlib`, and takes 20 ms for a megabyte.
 */

import { inSlices, PACE } from "./time_slice.ts";

/** Bytes that are compressed at once, in about a millisecond. */
const CHUNK_BYTES = 64 * 1024;

/** Compresses the chunks, each of which should have at most 64 KiB. */
export function gzipped(
  chunks:
    | Iterable<Uint8Array<ArrayBuffer>>
    | AsyncIterable<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return ReadableStream.from(inSlices(chunks, PACE.compression))
    .pipeThrough(new CompressionStream("gzip"));
}

/** Compresses the bytes, which must not change meanwhile. */
export function gzipBytes(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(gzipped(chunksOf(bytes))).bytes();
}

function* chunksOf(
  bytes: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    yield bytes.subarray(at, at + CHUNK_BYTES);
  }
}
