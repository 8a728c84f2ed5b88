/**
 * Results that are remembered by texts that peers choose.
 *
 * @module
 */

/** How much a memo keeps. */
interface MemoLimits {
  /** Texts; one more, and all are forgotten. */
  readonly entries?: number;
  /** UTF-16 units of a text; the results of longer ones are not kept. */
  readonly length?: number;
}

/**
 * `work`, which remembers what it gave for short texts.
 *
 * What clients send repeats a few texts, and anybody may send others. Both the
 * number and the length of those that are kept are bounded, so that nobody can
 * fill the memory; and all are forgotten when there are too many, so that
 * nobody can keep the usual ones out for good. The last text is compared before
 * any is looked up: strings of the engine are new for each request, and the
 * hash of each would have to be computed first.
 */
export function memo<T>(
  work: (text: string) => T,
  { entries = 1024, length = 64 }: MemoLimits = {},
): (text: string) => T {
  const results = new Map<string, T>();
  let last: string | undefined;
  let lastResult: T;
  return (text) => {
    if (text === last) return lastResult;
    let result = results.get(text);
    if (result === undefined) {
      result = work(text);
      if (text.length > length) return result;
      if (results.size >= entries) results.clear();
      results.set(text, result);
    }
    last = text;
    return lastResult = result;
  };
}
