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
  const compressed = pieces(file).pipeThrough(new CompressionStream("gzip"));
  for await (const body of compressed) {
    await send({ type: "http.response.body", body, more: 1 });
    if (client.happened) return;
  }
  await send({ type: "http.response.body" });
}

/** Unlike the file's own stream, it does not close the file. */
function pieces(file: Deno.FsFile): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(PIECE);
      const count = await file.read(buffer);
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
    },
  });
}
