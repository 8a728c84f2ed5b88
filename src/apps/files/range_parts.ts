/**
 * Several ranges of a file as one response: `multipart/byteranges` (RFC 9110,
 * 14.6).
 */

import type { ByteRange } from "../../http/conditional.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import type { SmallFile } from "./small_file.ts";

/** Bytes that are read and sent at once. */
const CHUNK_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/** The parts of one response. */
export class RangeParts {
  readonly #boundary = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
  readonly #parts: { readonly head: Uint8Array; readonly range: ByteRange }[];
  readonly #end = encoder.encode(`\r\n--${this.#boundary}--\r\n`);

  /**
   * @param type The media type of the file.
   * @param size Its bytes.
   */
  constructor(ranges: readonly ByteRange[], type: string, size: number) {
    this.#parts = ranges.map((range) => ({
      range,
      head: encoder.encode(
        `\r\n--${this.#boundary}\r\ncontent-type: ${type}\r\ncontent-range: ` +
          `bytes ${range.start}-${range.end}/${size}\r\n\r\n`,
      ),
    }));
  }

  /**
   * Sends the parts of `opened` with the fields `lasting` of its version.
   *
   * @throws {Error} When the file becomes shorter, so that the response is cut
   * off: the client could not notice it otherwise.
   */
  async send(
    send: Send,
    opened: OpenedFile | SmallFile,
    lasting: HeaderList,
    client: () => RequestReader,
  ): Promise<void> {
    const length = this.#parts.reduce(
      (sum, { head, range }) => sum + head.length + lengthOf(range),
      this.#end.length,
    );
    await send({
      type: "http.response.start",
      status: 206,
      headers: [
        ["content-type", `multipart/byteranges; boundary=${this.#boundary}`],
        ["content-length", String(length)],
        ...lasting,
        ["x-content-type-options", "nosniff"],
        ["accept-ranges", "bytes"],
      ],
    });
    for (const { head, range } of this.#parts) {
      await send({ type: "http.response.body", body: head, more: 1 });
      if (opened.kind === "small") {
        const body = opened.bytes.subarray(range.start, range.end + 1);
        await send({ type: "http.response.body", body, more: 1 });
      } else if (!await sendRange(send, opened, range, client())) return;
    }
    await send({ type: "http.response.body", body: this.#end });
  }
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}

/** Sends a range of a large file; false if the client left first. */
async function sendRange(
  send: Send,
  { file }: OpenedFile,
  range: ByteRange,
  client: RequestReader,
): Promise<boolean> {
  await file.seek(range.start, Deno.SeekMode.Start);
  for (let left = lengthOf(range); left > 0;) {
    const buffer = new Uint8Array(Math.min(left, CHUNK_BYTES));
    const count = await file.read(buffer);
    if (client.disconnected) return false;
    if (count === null) {
      throw new Error(
        `a file became shorter while a range that ends at ${range.end} was ` +
          `being sent; the response is cut short`,
      );
    }
    left -= count;
    const body = buffer.subarray(0, count);
    await send({ type: "http.response.body", body, more: 1 });
  }
  return true;
}
