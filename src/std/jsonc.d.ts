/** The function of `@std/jsonc` that the server uses. */

/** Parses JSON with comments. @throws {SyntaxError} */
export function parse(text: string): unknown;
