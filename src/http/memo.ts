/** A bounded cache of the results of a function. */

interface MemoLimits {
  /** Texts in the cache; one more clears it. */
  readonly entries?: number;
  /** UTF-16 units of a text; the results of longer ones are not cached. */
  readonly length?: number;
}

/**
 * `work` with its results cached.
 *
 * Clients send the same few texts, but anybody may send others. Limits keep
 * those from filling the memory, and clearing a full cache keeps them from
 * excluding the common ones for ever. The last text is compared first, since a
 * lookup must compute the hash of each string that the engine creates.
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
