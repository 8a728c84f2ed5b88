/** What the server uses of `@std/semver`. */

export interface SemVer {
  readonly major: number;
}
export type Range = readonly unknown[][];

/** @throws {TypeError} */
export function parse(version: string): SemVer;
/** Undefined for what is no range, such as a tag. */
export function tryParseRange(range: string): Range | undefined;
/** The highest that fits; undefined where none does. */
export function maxSatisfying(
  versions: readonly SemVer[],
  range: Range,
): SemVer | undefined;
export function format(version: SemVer): string;
