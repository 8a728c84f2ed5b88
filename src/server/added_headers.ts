/**
 * `--header`: fields that every response gets.
 *
 * @module
 */

import type { Fields } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";

/**
 * The fields of a response, and those of the `added` ones (lower-case names)
 * that it lacks; null adds none. The engine adds its own later, so it leaves
 * out the `content-type` or `date` that stands here.
 */
export function withAdded(
  headers: HeaderList,
  added: Fields | null,
): HeaderList {
  if (added === null) return headers;
  const present = new Set(headers.map(([name]) => name.toLowerCase()));
  const all = headers.slice();
  for (const [name, value] of added) {
    // Against the response's own: one name may be added twice, as with `link`.
    if (!present.has(name)) all.push([name, value]);
  }
  return all;
}
