/** What to do about an import that fails. */

import { missingImport, undefinedName } from "../engine/error_text.ts";
import { quote, shellWord } from "../options/option_error.ts";
import {
  basename,
  dirname,
  extname,
  fromFileUrl,
  resolve,
} from "../std/path.ts";
import { fileIn, nearestFile, upwards } from "./files.ts";
import { packageName } from "./packages.ts";

/** What Deno throws for what only a process may do, as `process.chdir()`. */
const IN_WORKER = "ERR_WORKER_UNSUPPORTED_OPERATION";

/**
 * What helps where `error` says that something imported by the app
 * called `name` is not there; null where no command does.
 */
export function importAdvice(name: string, error: unknown): string | null {
  if (error instanceof Error && "code" in error && error.code === IN_WORKER) {
    return "It does what only the main thread of a process may do: run it with one worker, which is the default. If it changes the folder by process.chdir(), start the server in that folder.";
  }
  const absent = undefinedName(error);
  if (absent !== null) return absentName(fileOfError(error) ?? name, absent);
  const missing = missingImport(error);
  switch (missing?.why) {
    case "undeclared":
      return `It imports a name that no configuration of its project declares. ${
        howToDeclare(missing.what)
      }`;
    case "unknown package":
      return `It imports a package that npm does not have: check the spelling of ${
        quote(missing.what)
      }.`;
    case "not readable": {
      const path = fromFileUrl(missing.what);
      return `The user of this process is not allowed to read the file. As its owner: chmod a+r ${
        shellWord(path)
      }`;
    }
    case "no file": {
      const near = nearestFile(fromFileUrl(missing.what));
      return near === "." ? null : `It imports a file that is not there${near}`;
    }
    case "not installed":
      if (usesPlugAndPlay(name)) {
        return "Yarn has installed its packages as Plug'n'Play, which Deno does not read. To have them in node_modules: yarn config set nodeLinker node-modules && yarn install.";
      }
      return "The packages of its project are not installed: run npm install or deno install in the project's folder.";
    case "not fetched":
      return `Its imports have to be downloaded once, while online: deno cache ${
        shellWord(name)
      }`;
    case undefined:
      return null;
  }
}

/** How a project declares the name `specifier`, which it imports. */
export function howToDeclare(specifier: string): string {
  const [alias] = /^[@~]?\//.exec(specifier) ?? [];
  if (alias !== undefined) {
    return `Declare ${alias} in the project's deno.json, as in "imports": { "${alias}": "./src/" }, or in the "paths" of the tsconfig.json beside its package.json; or name the file that the project's build makes.`;
  }
  const [name] = packageName(specifier);
  return `To declare it, in the project's folder: deno add npm:${name}, or npm install ${name}.`;
}

/** The file whose code threw `error`, if its stack tells. */
function fileOfError(error: unknown): string | null {
  const { stack = "" } = error as Error;
  const url = /^ +at .*?(file:[^\s()]+):\d+:\d+\)?$/m.exec(stack)?.[1];
  return url === undefined ? null : fromFileUrl(url);
}

/** Names that only modules of CommonJS have. */
const COMMONJS = ["require", "module", "exports", "__dirname", "__filename"];

/** What helps where the module `path` uses a name that is not defined. */
function absentName(path: string, name: string): string | null {
  const extension = extname(path);
  if (name === "React" && /x$/.test(extension)) {
    return 'Its JSX needs a library, which the deno.json of its folder names: "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "npm:hono/jsx" }';
  }
  if (!COMMONJS.includes(name)) return null;
  const renamed = basename(path, extension) +
    (/ts/.test(extension) ? ".cts" : ".cjs");
  return `${name} exists only in CommonJS, and ${
    basename(path)
  } is an ES module. If all of it is CommonJS, rename it to ${
    shellWord(renamed)
  }, or have "type": "commonjs" in its package.json; otherwise write import and export, and import.meta.dirname for __dirname.`;
}

function usesPlugAndPlay(path: string): boolean {
  const folders = upwards(dirname(resolve(path)));
  return folders.some((folder) => fileIn(folder, [".pnp.cjs"]) !== null);
}
