/**
 * What to do about an import that fails.
 *
 * @module
 */

import { missingImport } from "../engine/error_text.ts";
import { quote } from "../options/option_error.ts";

/**
 * The command that helps where `error` says that something imported by the app
 * called `name` is not there; null where no command does.
 */
export function importAdvice(name: string, error: unknown): string | null {
  switch (missingImport(error)) {
    case "undeclared":
      return "It imports a name that no configuration of its project declares. To declare it, in the project's folder: deno add npm:NAME, or npm install NAME.";
    case "not installed":
      return "The packages of its project are not installed. In the project's folder: npm install, deno install, or what else installs them.";
    case "not fetched":
      return `What it imports has to be fetched once, where there is a network: deno cache ${
        word(name)
      }`;
    case null:
      return null;
  }
}

/** `path` as a word of a shell's command. */
export function word(path: string): string {
  return /^[\w./@%+:-]+$/.test(path) ? path : quote(path);
}
