/**
 * Paths of the file system.
 *
 * Of the library that part is loaded which is for this system. The part that
 * chooses between them asks for Node's `process`, which Deno then loads.
 */

import type * as Paths from "./path.d.ts";

const system: typeof Paths = Deno.build.os === "windows"
  ? await import("@std/path/windows")
  : await import("@std/path/posix");

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
}: typeof Paths = system;

/** The path that the last absolute one of `parts` leads to, or the folder. */
export function resolve(...parts: string[]): string {
  return parts.some(isAbsolute)
    ? system.resolve(...parts)
    : system.resolve(Deno.cwd(), ...parts);
}
