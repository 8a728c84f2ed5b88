/**
 * "Did you mean …?"
 *
 * @module
 */

/**
 * The one of `names` that `word` most likely stands for, or null when none is
 * near: a name that begins with it, else the one with the fewest typing errors
 * (at most one for every three characters, and one in any case).
 */
export function nearest(word: string, names: Iterable<string>): string | null {
  const known = [...names];
  const longer = known.find((name) =>
    word.length >= 3 && name.startsWith(word)
  );
  if (longer !== undefined) return longer;
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of known) {
    const errors = editDistance(word.toLowerCase(), name.toLowerCase());
    if (errors < least) [best, least] = [name, errors];
  }
  return best;
}

/** `; did you mean X?` for the end of a sentence, or nothing. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const name = nearest(word, names);
  return name === null ? "" : `; did you mean ${name}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + differs);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}
