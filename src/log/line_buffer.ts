/**
 * Lines of a log, put together as bytes.
 *
 * @module
 */

/**
 * Writes the line of an entry, without its end, into `bytes` from `at` on;
 * returns where it ended (see `append.ts`).
 */
export type LineFormat<Entry> = (
  entry: Entry,
  bytes: Uint8Array,
  at: number,
) => number;

/** The byte that ends a line. */
export const LINE_FEED = 10;
/** Bytes that there is room for from the start, and after each batch. */
const SIZE = 128 * 1024;

/**
 * Lines that wait to be written. To join their parts as strings first would
 * make a dozen objects for each line, which outlive the collector's round and
 * are walked once more to make bytes of them.
 */
export class LineBuffer {
  #bytes = new Uint8Array(SIZE);
  #length = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /** Adds the line of an entry. */
  add<Entry>(format: LineFormat<Entry>, entry: Entry): void {
    const end = format(entry, this.#bytes, this.#length);
    if (end >= this.#bytes.length) return this.#grow(end, format, entry);
    this.#bytes[end] = LINE_FEED;
    this.#length = end + 1;
  }

  /** Takes out all bytes. @param torn They follow a part of a line. */
  take(torn: boolean): Uint8Array<ArrayBuffer> {
    const start = torn ? 1 : 0;
    const taken = new Uint8Array(start + this.#length);
    if (torn) taken[0] = LINE_FEED;
    taken.set(this.#bytes.subarray(0, this.#length), start);
    this.#length = 0;
    if (this.#bytes.length > SIZE) this.#bytes = new Uint8Array(SIZE);
    return taken;
  }

  /** Adds a line that ends behind the last byte there is. */
  #grow<Entry>(end: number, format: LineFormat<Entry>, entry: Entry): void {
    const bytes = new Uint8Array(2 * end);
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.add(format, entry);
  }
}
