/** The function of `@std/toml` that the server uses. */

/** Parses TOML. @throws {SyntaxError} that begins "Parse error on line N". */
export function parse(text: string): Record<string, unknown>;
