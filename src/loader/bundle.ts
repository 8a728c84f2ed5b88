/**
 * Apps of an executable that import more than files of JavaScript.
 *
 * An executable resolves imports as it was compiled, and old ones read no
 * TypeScript. So such an app becomes one module first, by esbuild, which a
 * thread of its own runs: its memory is free again afterwards.
 *
 * @module
 */

import { dirname, resolve, toFileUrl } from "../std/path.ts";
import { LoadError } from "./load_error.ts";
import { importedNames, localSources } from "./project.ts";
import { isCommonJs } from "./resolver.ts";

/** What the thread answers: a module, or what is wrong with the app. */
export type Bundle =
  | { readonly code: string; readonly map: string }
  | { readonly fault: string };

/** The first Deno whose executables run TypeScript from disk. */
const RUNS_TYPESCRIPT = "2.8.2";

/**
 * Tells whether this executable cannot import the module at `path` as it is.
 */
export function needsBundle(path: string): boolean {
  if (/\.(?:[jt]sx|cjs|cts)$/.test(path) || isCommonJs(resolve(path))) {
    return true;
  }
  const older = Deno.version.deno.localeCompare(RUNS_TYPESCRIPT, "en", {
    numeric: true,
  }) < 0;
  if (older && /\.m?ts$/.test(path)) return true;
  for (const text of localSources(resolve(path))) {
    const needs = importedNames(text).some((name) =>
      !/^(?:node:|file:|data:|\.{0,2}\/)/.test(name) ||
      /\.(?:[jt]sx|cjs|json|txt)$/.test(name) || older && /\.m?ts$/.test(name)
    );
    if (needs || /\btype:\s*["']text["']/.test(text)) return true;
  }
  return false;
}

/**
 * Imports the module at `path` with all that it imports.
 *
 * @throws {LoadError} When something that it imports is not there.
 */
export async function importBundled(path: string): Promise<object> {
  const file = resolve(path);
  const bundle = await inThread(file);
  if ("fault" in bundle) {
    throw new LoadError(`${path} could not be loaded. ${bundle.fault}`);
  }
  const { requireFromDisk } = await import("./require_from_disk.ts");
  requireFromDisk();
  const source =
    `${bundle.code}\n//# sourceMappingURL=data:application/json;base64,${
      base64(bundle.map)
    }`;
  return await import(`data:text/javascript;base64,${base64(source)}`);
}

function inThread(path: string): Promise<Bundle> {
  const worker = new Worker(new URL("./bundler.js", import.meta.url), {
    type: "module",
    name: "bundler",
  });
  return new Promise<Bundle>((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      reject(new LoadError(`The bundler failed: ${event.message}`));
    });
    worker.postMessage({ path, folder: toFileUrl(dirname(path)).href });
  }).finally(() => worker.terminate());
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return bytes.toBase64();
}
