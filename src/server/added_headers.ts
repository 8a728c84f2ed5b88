/**
 * `--header`: fields that every response gets.
 *
 * @module
 */

import type { Fields } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";

/** Adds to `headers` those of the `added` fields whose names it lacks. */
export function addMissing(headers: HeaderList, added: Fields): void {
  // One name may be added twice, as with `link`.
  const present = new Set(headers.map(([name]) => name.toLowerCase()));
  for (const [name, value] of added) {
    if (!present.has(name)) headers.push([name, value]);
  }
}
