/**
 * Messages that come again and again: a fault of an app is met by every
 * request, and a log that is flooded hides what else it says.
 */

import { type Timer, unref } from "../std/timer.ts";

/** Milliseconds in which messages of a kind are counted. */
const WINDOW_MS = 10_000;
/** Messages of a kind that are logged in that time, unless it is said. */
const MOST = 3;
/** Kinds that are remembered at once. */
const MAX_KINDS = 500;
/** Variants of a kind that count each for itself; all others count together. */
const MAX_VARIANTS = 5;
/** Characters of a variant. */
const MAX_SHAPE = 100;

/** Levels whose messages are limited. */
export type RepeatedLevel = "info" | "warn" | "error";

interface Kind {
  readonly level: RepeatedLevel;
  readonly since: number;
  readonly most: number;
  seen: number;
  /** Makes the text of the last one. */
  last: () => string;
}

/** Decides which of several messages of a kind are logged. */
export class Repeats {
  readonly #kinds = new Map<string, Kind>();
  readonly #tell: (level: RepeatedLevel, text: string) => void;
  readonly #now: () => number;
  readonly #timed: boolean;
  #timer: Timer | undefined;

  /**
   * @param tell Logs how many were left out: when a later message comes or, if
   * `timed`, by a timer.
   * @param now Milliseconds since any time.
   */
  constructor(
    tell: (level: RepeatedLevel, text: string) => void,
    { timed = false, now = () => performance.now() } = {},
  ) {
    this.#tell = tell;
    this.#timed = timed;
    this.#now = now;
  }

  /**
   * True when a message is to be logged; counts it otherwise.
   *
   * @param text Makes the message, when the last of many is told.
   * @param variant Tells messages of a kind apart, as long as there are few.
   * @param most Messages that are logged in ten seconds.
   */
  admits(
    level: RepeatedLevel,
    kind: string,
    text: () => string,
    { variant = "", most = MOST } = {},
  ): boolean {
    this.settle();
    const group = `${level} ${kind}\n`;
    let key = group + variant;
    if (variant !== "" && !this.#kinds.has(key)) {
      const others = [...this.#kinds.keys()].filter((other) =>
        other.startsWith(group)
      );
      if (others.length >= MAX_VARIANTS) key = group;
    }
    const known = this.#kinds.get(key);
    if (known === undefined) {
      if (this.#kinds.size >= MAX_KINDS) this.settle(true);
      const since = this.#now();
      this.#kinds.set(key, { level, since, most, seen: 1, last: text });
      return true;
    }
    known.last = text;
    if (++known.seen <= most) return true;
    if (this.#timed) {
      this.#timer ??= unref(setTimeout(() => {
        this.#timer = undefined;
        this.settle();
      }, WINDOW_MS + 1));
    }
    return false;
  }

  /** Logs what was left out in the time that is over; or, at an end, now. */
  settle(all = false): void {
    const before = this.#now() - WINDOW_MS;
    for (const [key, { level, since, most, seen, last }] of this.#kinds) {
      if (!all && since > before) continue;
      this.#kinds.delete(key);
      if (seen <= most) continue;
      this.#tell(
        level,
        `Repeated ${seen - most} times in ${
          Math.max(1, Math.round((this.#now() - since) / 1000))
        } s: ${last()}`,
      );
    }
    if (!all) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Where an error was thrown; null of what is none, or does not tell. */
export function placeOfError(error: unknown): string | null {
  try {
    if (!(error instanceof Error)) return null;
    const frames = /\n\s+at [\s\S]*/.exec(String(error.stack))?.[0];
    return frames === undefined ? null : error.name + frames;
  } catch {
    return null; // a getter of the app's that throws
  }
}

/**
 * The message of an error without what differs from request to request: numbers,
 * and what is quoted or a path.
 */
export function shapeOf(error: unknown): string {
  try {
    const message = error instanceof Error ? String(error.message) : "";
    return message.slice(0, MAX_SHAPE)
      .replaceAll(/"[^"]*"?|'[^']*'?|`[^`]*`?|\/\S*|\d+/g, "…");
  } catch {
    return ""; // a getter of the app's that throws
  }
}
