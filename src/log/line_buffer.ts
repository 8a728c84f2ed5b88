/**
 * Lines of a log, put together as bytes.
 *
 * @module
 */

const LINE_FEED = 10;
const ZERO = 48;
const QUOTE = 34;
const BACKSLASH = 92;
/** Bytes that the escaped form of one code unit takes at most: `\uNNNN`. */
const LONGEST_ESCAPE = 6;
/** Bytes of a buffer that is kept from one batch to the next. */
const KEPT = 256 * 1024;

/**
 * Bytes that grow by pieces of lines. To join the pieces as strings first
 * would make a dozen objects for each line, which outlive the collector's
 * round and are walked once more to make bytes of them.
 */
export class LineBuffer {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#length;
  }

  /** Appends what is to stand there as it is. */
  literal(literal: Uint8Array): void {
    const bytes = this.#room(literal.length);
    let length = this.#length;
    // `set` takes longer for the few bytes between two values.
    for (let i = 0; i < literal.length; i++) bytes[length++] = literal[i];
    this.#length = length;
  }

  /**
   * Appends a value. What is no printable ASCII is escaped as `\xNN`, and so
   * are quotes and backslashes, so that no client can forge lines or fields.
   */
  value(text: string): void {
    const bytes = this.#room(text.length * LONGEST_ESCAPE);
    let length = this.#length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (
        unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH
      ) {
        length = escape(unit, bytes, length);
      } else bytes[length++] = unit;
    }
    this.#length = length;
  }

  /**
   * Appends an integer from 0.
   *
   * @param digits So many at least, with zeros before it.
   */
  number(value: number, digits = 1): void {
    const size = Math.max(digits, countDigits(value));
    const bytes = this.#room(size);
    const start = this.#length;
    for (let i = start + size - 1; i >= start; i--) {
      const rest = Math.floor(value / 10);
      bytes[i] = ZERO + (value - 10 * rest);
      value = rest;
    }
    this.#length = start + size;
  }

  /** Ends a line. */
  end(): void {
    this.#room(1)[this.#length++] = LINE_FEED;
  }

  /** Takes out all bytes. @param torn They follow a part of a line. */
  take(torn: boolean): Uint8Array<ArrayBuffer> {
    const start = torn ? 1 : 0;
    const taken = new Uint8Array(start + this.#length);
    if (torn) taken[0] = LINE_FEED;
    taken.set(this.#bytes.subarray(0, this.#length), start);
    this.#length = 0;
    if (this.#bytes.length > KEPT) this.#bytes = new Uint8Array(KEPT);
    return taken;
  }

  #room(more: number): Uint8Array {
    const needed = this.#length + more;
    if (needed > this.#bytes.length) {
      const bytes = new Uint8Array(2 * needed);
      bytes.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = bytes;
    }
    return this.#bytes;
  }
}

function countDigits(value: number): number {
  if (value < 1000) return value < 10 ? 1 : value < 100 ? 2 : 3;
  return String(value).length;
}

function escape(unit: number, bytes: Uint8Array, length: number): number {
  const hex = unit.toString(16).toUpperCase();
  const text = unit > 0xff
    ? `\\u${hex.padStart(4, "0")}`
    : `\\x${hex.padStart(2, "0")}`;
  for (let i = 0; i < text.length; i++) bytes[length++] = text.charCodeAt(i);
  return length;
}
