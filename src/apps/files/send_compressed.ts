/**
 * A file that is compressed on its way out.
 *
 * @module
 */

import type { Receive, Send } from "../../pagi/types.ts";
import { Departure } from "./departure.ts";

const PIECE = 64 * 1024;

/**
 * Sends the rest of `file` as the body of a response that has started,
 * compressed with gzip, no faster than the client takes it.
 */
export async function sendCompressed(
  receive: Receive,
  send: Send,
  file: Deno.FsFile,
): Promise<void> {
  const client = new Departure(receive);
  let reading: Promise<number | null> = Promise.resolve(null);
  // Unlike the file's own stream, this does not close the file.
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const buffer = new Uint8Array(PIECE);
      reading = file.read(buffer);
      const count = await reading;
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
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
