/** What the server uses of `@std/http`. */

/** The reason phrases of the registered status codes. */
export const STATUS_TEXT: Readonly<Record<number, string>>;
/** The one of `types` that the request's `accept` prefers. */
export function accepts(
  request: { headers: { get(name: string): string | null } },
  ...types: string[]
): string | undefined;
