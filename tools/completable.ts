/**
 * What shells can offer while a command line is written.
 *
 * @module
 */

import type { AppOptionTable } from "../src/options/app_options.ts";
import { existingFile, path } from "../src/options/value_types.ts";
import type { Option } from "../src/options/table.ts";

/** Bundled apps by name, with their options. */
export type Apps = ReadonlyMap<string, AppOptionTable>;

/** The words that an option's value can be; "files", or null for neither. */
export function valuesOf({ type }: Option): readonly string[] | "files" | null {
  const one = type.item ?? type;
  if (one.words !== undefined) return one.words;
  return one === path || one === existingFile ? "files" : null;
}

/** The `key=` of an app's options, or `key=value` where the values are few. */
export function pairsOf(table: AppOptionTable): string[] {
  return Object.entries(table).flatMap(([name, { type, aliases = [] }]) => {
    // Capitals stand for what the user chooses.
    if (/[A-Z]/.test(name)) return [];
    const values = type.placeholder === "" ? ["1", "0"] : type.words ?? [""];
    return [name, ...aliases].flatMap((key) =>
      values.map((value) => `${key}=${value}`)
    );
  });
}

/** Text between single quotes, for bash and zsh. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
