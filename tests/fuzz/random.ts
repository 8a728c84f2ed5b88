/**
 * Random choices that a seed determines.
 *
 * @module
 */

/**
 * A generator of choices (mulberry32): the same seed gives the same choices.
 * Small choices are the likely ones, so that findings stay short.
 */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    // Neighbouring seeds are to have nothing in common.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 0;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    t = (t + Math.imul(t ^ t >>> 7, 61 | t)) ^ t;
    return Math.floor((t ^ t >>> 14) >>> 0) % end;
  }

  /** True once in `times` times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of `list`. */
  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)];
  }

  /** What one of `makers` makes. */
  one<T>(...makers: readonly (() => T)[]): T {
    return this.pick(makers)();
  }

  /** How many, mostly few, at most `most`. */
  count(most: number): number {
    return this.below(this.once(4) ? most + 1 : Math.min(most, 4) + 1);
  }

  /** Up to `most` of what `make` makes. */
  list<T>(most: number, make: () => T): T[] {
    const list: T[] = [];
    for (let left = this.count(most); left > 0; left--) list.push(make());
    return list;
  }

  /** A text of up to `most` pieces of `alphabet`. */
  text(alphabet: ArrayLike<string>, most: number): string {
    let text = "";
    for (let left = this.count(most); left > 0; left--) {
      text += this.pick(alphabet);
    }
    return text;
  }

  /** A text whose code units are all below `end`. */
  units(end: number, most: number): string {
    let text = "";
    for (let left = this.count(most); left > 0; left--) {
      text += String.fromCharCode(this.below(end));
    }
    return text;
  }

  /** Up to `most` bytes. */
  bytes(most: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.count(most));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** `text` with up to three small changes, at least one. */
  mutated(text: string, alphabet: ArrayLike<string>): string {
    for (let left = 1 + this.below(3); left > 0; left--) {
      const from = this.below(text.length + 1);
      const to = from + this.below(this.once(4) ? 20 : 3);
      const cut = text.slice(from, to);
      const instead = this.one(
        () => this.pick(alphabet),
        () => "",
        () => cut + cut,
        () => this.pick(alphabet) + cut,
        () => String.fromCharCode(this.below(256)),
        () => cut.toUpperCase(),
      );
      text = text.slice(0, from) + instead + text.slice(to);
    }
    return text;
  }
}
