/**
 * Files whose names are not UTF-8, which Deno cannot make.
 *
 * @module
 */

import { encodeName } from "../../src/system/file_names.ts";

/** False where there are no such names, or nothing to open them with. */
export const NAMES_CAN_BE_BYTES: boolean = Deno.build.os === "linux" &&
  Deno.permissions.querySync({ name: "ffi", path: "libc.so.6" }).state ===
    "granted";

/** The name that is this one byte. */
export function byteName(byte: number): string {
  return String.fromCharCode(0xdc00 + byte);
}

/** The same for `printf` of a shell. */
function escaped(name: string): string {
  return [...encodeName(name)].map((byte) =>
    `\\0${byte.toString(8).padStart(3, "0")}`
  ).join("");
}

/**
 * Makes files in `folder` by their paths beneath it, in which a lone surrogate
 * stands for a byte, with the folders on the way.
 */
export function makeByteTree(
  folder: string,
  files: Readonly<Record<string, string>>,
): void {
  for (const [path, text] of Object.entries(files)) {
    const { success, stderr } = new Deno.Command("sh", {
      args: [
        "-c",
        'path=$(printf %b "$1/x"); path=${path%/x}; ' +
        'mkdir -p "$(dirname "$path")"; printf %s "$2" >"$path"',
        "sh",
        escaped(`${folder}/${path}`),
        text,
      ],
      env: { LC_ALL: "C" },
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  }
}
