/**
 * Paths of the file system.
 *
 * Of the library those parts are taken that are for one system each: the part
 * that chooses between them asks for Node's `process`, which Deno then loads.
 *
 * @module
 */

// @ts-types="./path.d.ts"
import * as posix from "@std/path/posix";
// @ts-types="./path.d.ts"
import * as windows from "@std/path/windows";

const system = Deno.build.os === "windows" ? windows : posix;

export const {
  basename,
  dirname,
  extname,
  fromFileUrl,
  globToRegExp,
  isAbsolute,
  join,
  normalize,
  relative,
  SEPARATOR,
  toFileUrl,
}: typeof posix = system;

/** The path that the last absolute one of `parts` leads to, or the folder. */
export function resolve(...parts: string[]): string {
  return parts.some(isAbsolute)
    ? system.resolve(...parts)
    : system.resolve(Deno.cwd(), ...parts);
}
