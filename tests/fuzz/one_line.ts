/**
 * What messages for people have in common.
 *
 * @module
 */

import { hold } from "./target.ts";

/** A message is one line of characters that no terminal acts upon. */
export function holdOneLine(message: string): void {
  hold(
    // deno-lint-ignore no-control-regex -- those are what is looked for
    /^[^\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$/.test(message),
    () => `this is no line for a person: ${JSON.stringify(message)}`,
  );
}
