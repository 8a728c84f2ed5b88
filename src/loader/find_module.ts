/**
 * Where the module of an app is.
 *
 * @module
 */

import { didYouMean, OptionError, quote } from "../options/option_error.ts";
import { fromFileUrl, join, resolve, toFileUrl } from "../std/path.ts";
import { type ModuleTarget, parseTarget } from "./app_spec.ts";
import { BUNDLED_APPS } from "./bundled_apps.ts";
import { LoadError } from "./load_error.ts";

/** A module that was found but not loaded yet. */
export interface FoundModule {
  /** What to call it in messages: the path or name as the user knows it. */
  readonly label: string;
  /** Yields its exports. */
  load(): Promise<object>;
}

const MODULE_NAME = /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*$/;
const EXTENSIONS = [".ts", ".js", ".mjs", ".tsx"];

/**
 * Finds `target`; modules that are not bundled are looked for below the paths
 * `lib` (of `-I`), in order. Throws {@linkcode OptionError} on a malformed
 * module name and {@linkcode LoadError} when there is nothing to load.
 */
export function findModule(
  target: ModuleTarget,
  lib: readonly string[],
): FoundModule {
  if (target.kind === "file") return findFile(target.name);
  if (target.kind === "module") return findNamed(target.name, lib);
  return { label: target.name, load: () => import(target.name) };
}

/** Tells whether `path` is a file that can be seen. */
export function isFile(path: string): boolean {
  return stat(path)?.isFile ?? false;
}

/**
 * What somebody who gave `-I` should know: paths that are not there, and that
 * nothing will be looked for below them.
 *
 * @param names the app and the modules of `-M`, as written; none for `-e`
 */
export function libraryNotices(
  lib: readonly string[],
  names: readonly string[],
): string[] {
  const notices = lib.filter((path) => !stat(path)?.isDirectory).map((path) =>
    `-I ${path}: there is no such directory.`
  );
  const isLookedUp = (name: string): boolean => {
    const { kind } = parseTarget(name, isFile);
    return kind === "module" && !BUNDLED_APPS.has(name);
  };
  if (lib.length > 0 && !names.some(isLookedUp)) {
    notices.push(
      "-I has no effect here: only the names of modules, as in My::App or -M My::Module, are looked up below its paths. An app imports its own files by relative paths.",
    );
  }
  return notices;
}

/** The file that `target` stands for; null when it is none, or not there. */
export function fileOf(
  { kind, name }: ModuleTarget,
  lib: readonly string[],
): string | null {
  if (kind === "module") return placesOf(name, lib).find(isFile) ?? null;
  const path = name.startsWith("file:") ? fromFileUrl(name) : name;
  return isFile(path) ? path : null;
}

function findFile(path: string): FoundModule {
  if (/\.(?:pl|psgi)$/.test(path)) {
    throw new LoadError(
      `${path} is a Perl app. It needs the Perl server, or a port to TypeScript or JavaScript.`,
    );
  }
  try {
    if (!Deno.statSync(path).isDirectory) return fileModule(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new LoadError(`There is no file ${quote(path)}.`);
    }
    throw new LoadError(`${quote(path)} cannot be read. ${error}.`);
  }
  throw new LoadError(directoryHint(path));
}

function fileModule(path: string): FoundModule {
  const url = toFileUrl(resolve(path)).href;
  const load = async (): Promise<object> => {
    if (!Deno.build.standalone) return await import(url);
    const { importBundled, needsBundle } = await import("./bundle.ts");
    return needsBundle(path) ? await importBundled(path) : await import(url);
  };
  return { label: path, load };
}

function findNamed(name: string, lib: readonly string[]): FoundModule {
  const bundled = BUNDLED_APPS.get(name);
  if (bundled !== undefined) return { label: name, load: bundled };
  if (!MODULE_NAME.test(name)) {
    if (stat(name)?.isDirectory) throw new LoadError(directoryHint(name));
    const is = name.includes("::") ? "is not" : "is neither a file nor";
    throw new OptionError(
      `${quote(name)} ${is} a module name: identifiers joined by "::"`,
    );
  }
  const places = placesOf(name, lib);
  const place = places.find(isFile);
  if (place !== undefined) return fileModule(place);
  throw new LoadError(notFound(name, places));
}

/** Where `-I` has the module called `name`, in order. */
function placesOf(name: string, lib: readonly string[]): string[] {
  return lib.flatMap((path) =>
    EXTENSIONS.map((extension) => join(path, ...name.split("::")) + extension)
  );
}

function notFound(name: string, places: readonly string[]): string {
  if (stat(name)?.isDirectory) return directoryHint(name);
  const hint = didYouMean(name, BUNDLED_APPS.keys());
  if (hint !== "") return `There is no module ${name}${hint}`;
  const what = name.includes("::") ? "module" : "file or module";
  return `There is no ${what} ${name}. ` +
    (places.length === 0
      ? "Name its file, or give the path above it with -I."
      : `Looked for it at:\n${places.map((place) => `  ${place}`).join("\n")}`);
}

function directoryHint(path: string): string {
  return `${path} is a directory. To serve it: pagi-server PAGI::App::Directory root=${path}`;
}

/** What is known of `path`, or null when it cannot be seen. */
function stat(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}
