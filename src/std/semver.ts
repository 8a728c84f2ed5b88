/** Versions and ranges of them. */

// @ts-types="./semver.d.ts"
export { format, maxSatisfying, parse, tryParseRange } from "@std/semver";
