/**
 * CommonJS from disk in an executable, whose own `require` reads embedded files
 * only, and finds packages in `node_modules` only.
 */

import Module, { createRequire } from "node:module";
import { dirname } from "../std/path.ts";
import { fetchedDependency } from "./resolver.ts";
import { IMPORT, IMPORT_CALL } from "./sources.ts";

/** Where the bundle of an app finds {@linkcode commonJs}. */
export const COMMON_JS = "pagi-server.commonjs";

/** The part of Node's module system that its types omit. */
interface Extensible {
  _extensions: Record<string, (module: Compiling, path: string) => void>;
  _resolveFilename(
    request: string,
    parent: { filename?: string } | undefined,
    ...more: unknown[]
  ): string;
}

interface Compiling {
  exports: unknown;
  _compile(text: string, path: string): void;
}

/**
 * Makes `require` read from disk, for all bundles of this thread.
 *
 * @param importFrom What `import(name)` in the file at `importer` gives.
 */
export function requireFromDisk(
  importFrom: (importer: string, name: string | URL) => Promise<object>,
): void {
  const symbol = Symbol.for(COMMON_JS);
  if (symbol in globalThis) return;
  const system = Module as unknown as Extensible;
  for (const end of [".js", ".cjs"]) {
    system._extensions[end] = (module, path) => {
      const text = Deno.readTextFileSync(path);
      const script = text.startsWith("#!") ? `//${text}` : text;
      module._compile(
        script.replace(IMPORT_CALL, `${IMPORT}(__filename,`),
        path,
      );
    };
  }
  system._extensions[".json"] = (module, path) => {
    module.exports = JSON.parse(Deno.readTextFileSync(path));
  };
  const resolveFilename = system._resolveFilename;
  system._resolveFilename = function (request, parent, ...more) {
    try {
      return resolveFilename.call(this, request, parent, ...more);
    } catch (error) {
      const from = parent?.filename;
      const found = from === undefined || /^[./]/.test(request)
        ? null
        : fetchedDependency(request, from);
      if (found === null) throw error;
      return found;
    }
  };
  Object.defineProperty(globalThis, symbol, { value: commonJs });
  Object.defineProperty(globalThis, IMPORT, { value: importFrom });
}

/**
 * What an `import` of the CommonJS module at `path` gives: its exports as
 * default, and each of them by its name.
 */
export function commonJs(path: string): object {
  const value: unknown = createRequire(dirname(path) + "/")(path);
  const exports = {};
  const hasNames = typeof value === "object" && value !== null ||
    typeof value === "function";
  for (const name of hasNames ? Object.keys(value as object) : []) {
    Object.defineProperty(exports, name, {
      configurable: true,
      enumerable: true,
      get: () => (value as Record<string, unknown>)[name],
    });
  }
  return Object.defineProperties(exports, {
    default: { configurable: true, enumerable: true, value },
    "module.exports": { configurable: true, enumerable: true, value },
    __esModule: { value: true },
  });
}
