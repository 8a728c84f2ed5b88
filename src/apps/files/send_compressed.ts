/**
 * A file that is compressed on its way out.
 *
 * @module
 */

import type { Send } from "../../pagi/types.ts";
import type { Departure } from "./departure.ts";

const PIECE = 64 * 1024;

/**
 * Sends the first `size` bytes of `file`, or all where that is null, as the
 * body of a response that has started, compressed with gzip, no faster than
 * the client takes it. What is added meanwhile is not in the version that the
 * head names.
 *
 * @throws {Error} When the file becomes shorter: the response is to be cut, as
 * no client could tell.
 */
export async function sendCompressed(
  client: Departure,
  send: Send,
  file: Deno.FsFile,
  size: number | null,
): Promise<void> {
  let reading: Promise<number | null> = Promise.resolve(null);
  let left = size ?? Infinity;
  file.seekSync(0, Deno.SeekMode.Start);
  // Unlike the file's own stream, this does not close the file.
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(PIECE, left));
      if (buffer.length === 0) return controller.close();
      reading = file.read(buffer);
      const count = await reading;
      if (count !== null) {
        left -= count;
        return controller.enqueue(buffer.subarray(0, count));
      }
      // A system file may say that it has more than there is.
      if (size !== null && file.statSync().size < size) {
        throw new Error(
          `a file of ${size} bytes became ${left} bytes shorter while it was ` +
            `being sent; the response is cut short`,
        );
      }
      controller.close();
    },
  });
  try {
    for await (
      const body of pieces.pipeThrough(new CompressionStream("gzip"))
    ) {
      await send({ type: "http.response.body", body, more: 1 });
      if (client.happened) return;
    }
    await send({ type: "http.response.body" });
  } finally {
    // The caller closes the file, which nobody must be reading then.
    await reading.catch(() => {});
  }
}
