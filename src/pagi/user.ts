/** The authenticated user of a request, for the access log. */

import type { HeaderList } from "./types.ts";

/** By the header fields, which all copies of a scope have in common. */
const users = new WeakMap<HeaderList, string>();
let known = false;

/** Says whose request has `headers`, which are those of its scope. */
export function setUser(headers: HeaderList, user: string): void {
  known = true;
  users.set(headers, user);
}

/** The user of a request; undefined if it is not authenticated. */
export function userOf(
  request: { readonly headers: HeaderList },
): string | undefined {
  return known ? users.get(request.headers) : undefined;
}
