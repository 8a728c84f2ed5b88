/**
 * Kinds of values that name files, and their modes.
 *
 * @module
 */

import { defineKind, KindError } from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import { quote } from "./quote.ts";

/** A path; nothing need be there. */
export const path: Kind<string> = defineKind({
  placeholder: "FILE",
  allowed: "a path",
  parse: (given) => given === "" || given.includes("\0") ? undefined : given,
});

/**
 * A path at which there is something to read, as far as this user can see: a
 * file or, as shells give for `<(…)`, a pipe.
 */
export const existingFile: Kind<string> = defineKind({
  placeholder: "FILE",
  allowed: "a file",
  parse(given) {
    path.parse(given);
    try {
      return Deno.statSync(given).isDirectory ? undefined : given;
    } catch (error) {
      // Root may have read it for this user; else opening it says why.
      if (error instanceof Deno.errors.PermissionDenied) return given;
      const reason = error instanceof Deno.errors.NotFound
        ? "no such file"
        : error instanceof Error
        ? error.message
        : String(error);
      throw new KindError(`${quote(given)}: ${reason}`);
    }
  },
});

/** Permissions of a file in octal digits, with or without a leading zero. */
export const fileMode: Kind<number> = defineKind({
  placeholder: "MODE",
  allowed: "an octal mode from 000 to 777, as in 0660",
  parse: (given) =>
    /^0?[0-7]{3}$/.test(given) ? Number.parseInt(given, 8) : undefined,
  is: (value): value is number =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0o777,
});
