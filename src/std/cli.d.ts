/** The function of `@std/cli` that the server uses. */

export interface ParseArgsOptions {
  string?: readonly string[];
  boolean?: readonly string[];
  /** Options whose values are gathered in an array. */
  collect?: readonly string[];
  /** Called with each option that is not declared. */
  unknown?: (arg: string) => void;
}
export function parseArgs(
  args: readonly string[],
  options: ParseArgsOptions,
): Record<string, unknown>;
