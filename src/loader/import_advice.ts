/**
 * What to do about an import that fails.
 *
 * @module
 */

import { missingImport } from "../engine/error_text.ts";
import { quote } from "../options/option_error.ts";
import { dirname, resolve } from "../std/path.ts";
import { fileIn, upwards } from "./project.ts";

/** What Deno throws for what only a process may do, as `process.chdir()`. */
const IN_WORKER = "ERR_WORKER_UNSUPPORTED_OPERATION";

/**
 * What helps where `error` says that something imported by the app
 * called `name` is not there; null where no command does.
 */
export function importAdvice(name: string, error: unknown): string | null {
  if (error instanceof Error && "code" in error && error.code === IN_WORKER) {
    return "It does what only a process of its own may do: run it with one worker, which is the default.";
  }
  switch (missingImport(error)) {
    case "undeclared":
      return "It imports a name that no configuration of its project declares. To declare it, in the project's folder: deno add npm:NAME, or npm install NAME.";
    case "not installed":
      if (usesPlugAndPlay(name)) {
        return "Yarn has installed its packages as Plug'n'Play, which Deno does not read. To have them in node_modules: yarn config set nodeLinker node-modules && yarn install.";
      }
      return "The packages of its project are not installed. In the project's folder: npm install, deno install, or what else installs them.";
    case "not fetched":
      return `What it imports has to be fetched once, where there is a network: deno cache ${
        word(name)
      }`;
    case null:
      return null;
  }
}

function usesPlugAndPlay(path: string): boolean {
  const folders = upwards(dirname(resolve(path)));
  return folders.some((folder) => fileIn(folder, [".pnp.cjs"]) !== null);
}

/** `path` as a word of a shell's command. */
export function word(path: string): string {
  return /^[\w./@%+:-]+$/.test(path) ? path : quote(path);
}
