/** Where the module of an app is. */

import {
  didYouMean,
  OptionError,
  quote,
  shellWord,
} from "../options/option_error.ts";
import {
  dirname,
  extname,
  fromFileUrl,
  join,
  resolve,
  toFileUrl,
} from "../std/path.ts";
import { type ModuleTarget, parseTarget, type PathKind } from "./app_spec.ts";
import { BUNDLED_APPS } from "./bundled_apps.ts";
import { importHere } from "./inline_code.ts";
import { LoadError } from "./load_error.ts";
import { isFile, isFolder, nearestFile, statOf } from "./files.ts";

/** A module that was found but not loaded yet. */
export interface FoundModule {
  /** What to call it in messages: the path or name as the user knows it. */
  readonly label: string;
  /**
   * Yields its exports.
   *
   * @param isMain Whether an executable is to tell it so (`import.meta.main`).
   */
  load(isMain?: boolean): Promise<object>;
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
  const { name } = target;
  const load = Deno.build.standalone && name.startsWith("npm:")
    ? () => importHere(name)
    : () => import(name);
  return { label: name, load };
}

/**
 * Tells a file of code from other files and from directories. What has another
 * extension than scripts have is data; a file without one is code if its text
 * looks like a module or a program. A device or a pipe is taken for code: it
 * can be read only once.
 */
export function lookUp(path: string): PathKind {
  const info = statOf(path);
  if (info === null) return null;
  if (info.isDirectory) return "directory";
  if (CODE_FILE.test(path) || !info.isFile) return "code";
  if (extname(path) !== "") return "data";
  return looksLikeCode(path) ? "code" : "data";
}

/** Extensions of scripts, and of the programs of other servers. */
const CODE_FILE = /\.(?:[cm]?[jt]sx?|pl|psgi|py|rb|php)$/i;
const CODE =
  /^\s*(?:export\s*(?:default|const|let|async|function|class|[{*])|import\b.*["'])|\bexports\b.*=|\bDeno\.serve\(|\.listen\(/m;
/** The first line of a script for another program. */
const OTHER_SCRIPT = /^#!(?!.*\b(?:deno|node|bun|pagi-server)\b)/;
/** How much of a file shows what it is (bytes). */
const HEAD_BYTES = 65536;

function looksLikeCode(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(HEAD_BYTES);
    const text = new TextDecoder().decode(
      bytes.subarray(0, file.readSync(bytes) ?? 0),
    );
    return !text.includes("\0") && !OTHER_SCRIPT.test(text) && CODE.test(text);
  } catch {
    return true; // loading it will say why it cannot be read
  }
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
  const notices = lib.filter((path) => !isFolder(path)).map((path) =>
    `-I ${path}: there is no such directory.`
  );
  const isLookedUp = (name: string): boolean => {
    const { kind } = parseTarget(name, lookUp);
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
  const language = LANGUAGES[extname(path).toLowerCase()];
  try {
    Deno.statSync(path);
  } catch (error) {
    if (language === "Perl") throw new LoadError(foreign(path, language));
    if (error instanceof Deno.errors.NotFound) {
      throw new LoadError(
        brokenLink(path) ??
          `There is no file ${quote(path)}${nearestFile(path)}`,
      );
    }
    const file = path.replace(/[/\\]+$/, "");
    if (file !== path && isFile(file)) {
      throw new LoadError(
        `${quote(path)} names a folder, but ${quote(file)} is a file.`,
      );
    }
    throw new LoadError(
      error instanceof Deno.errors.PermissionDenied
        ? `${
          quote(path)
        } cannot be read: the user of this process is not allowed to enter its folder.`
        : `${quote(path)} cannot be read. ${error}.`,
    );
  }
  if (language !== undefined) throw new LoadError(foreign(path, language));
  const { isCharDevice, isBlockDevice, isSocket } = Deno.statSync(path);
  if (isCharDevice || isBlockDevice || isSocket) {
    throw new LoadError(
      `${
        quote(path)
      } is a device or a socket, not a file, so it cannot be the app.`,
    );
  }
  switch (lookUp(path)) {
    case "directory":
      throw new LoadError(
        `${path} is a directory. To serve it: pagi-server ${shellWord(path)}`,
      );
    case "data":
      throw new LoadError(
        `${
          quote(path)
        } is not code, so it cannot be the app. Name the file of the app, such as ./app.ts; to serve files: pagi-server ${
          shellWord(dirname(path))
        }`,
      );
  }
  return fileModule(path);
}

const LANGUAGES: Readonly<Record<string, string>> = {
  ".pl": "Perl",
  ".psgi": "Perl",
  ".py": "Python",
  ".rb": "Ruby",
  ".php": "PHP",
};

function foreign(path: string, language: string): string {
  const server = language === "Perl"
    ? "the Perl server"
    : `a ${language} server`;
  return `${path} is a ${language} app. It needs ${server}, or a port to TypeScript or JavaScript.`;
}

/** What to say of a symbolic link that leads nowhere; else null. */
function brokenLink(path: string): string | null {
  try {
    return `${quote(path)} is a symbolic link to ${
      quote(Deno.readLinkSync(path))
    }, which leads to no file.`;
  } catch {
    return null;
  }
}

function fileModule(path: string): FoundModule {
  const url = toFileUrl(resolve(path)).href;
  const load = async (isMain = false): Promise<object> => {
    if (!Deno.build.standalone) return await import(url);
    const { importBundled, needsBundle } = await import("./bundle.ts");
    return isMain || needsBundle(path)
      ? await importBundled(resolve(path), isMain)
      : await import(url);
  };
  return { label: path, load };
}

function findNamed(name: string, lib: readonly string[]): FoundModule {
  const bundled = BUNDLED_APPS.get(name);
  if (bundled !== undefined) return { label: name, load: bundled };
  const link = brokenLink(name);
  if (link !== null) throw new LoadError(link);
  if (!MODULE_NAME.test(name)) {
    throw new OptionError(
      name.includes("::")
        ? `${quote(name)} is not a module name: identifiers joined by "::"${
          isFile(name)
            ? `; for the file of this name: ${toFileUrl(resolve(name))}`
            : lookUp(name) === "directory"
            ? `; for the folder of this name: ${shellWord(`root=${name}`)}`
            : ""
        }`
        : `there is no file ${quote(name)}, and it is not a module name${
          nearestFile(name).replace(/\.$/, "")
        }`,
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
  const short = [...BUNDLED_APPS.keys()].find((app) =>
    app.toLowerCase() === `pagi::app::${name.toLowerCase()}`
  );
  const hint = name === "PAGI::App::Static"
    ? "; did you mean PAGI::App::File?"
    : didYouMean(short ?? name, BUNDLED_APPS.keys());
  if (hint !== "") return `There is no module ${name}${hint}`;
  const what = name.includes("::") ? "module" : "file or module";
  const near = name.includes("::") ? "." : nearestFile(name);
  if (near !== ".") return `There is no ${what} ${name}${near}`;
  return `There is no ${what} ${name}. ` +
    (places.length === 0
      ? "Name its file, or give the path above it with -I."
      : `Looked for it at:\n${places.map((place) => `  ${place}`).join("\n")}`);
}
