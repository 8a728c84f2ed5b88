/** The files of an app, to be watched for changes. */

import {
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  resolve,
} from "../std/path.ts";
import { type AppRequest, namedFiles } from "./load_app.ts";
import { fileIn } from "./files.ts";
import { findProject, importMapUrl } from "./project.ts";
import { Resolver } from "./resolver.ts";
import { importedNames } from "./sources.ts";

/** Absolute paths, also of missing files, which may be created later. */
export interface AppFiles {
  /** Code, and other files that it names. */
  readonly code: ReadonlySet<string>;
  /** What a process reads at its start alone: configurations of projects. */
  readonly configuration: ReadonlySet<string>;
}

const MODULE = /\.[mc]?[jt]sx?$/;
/** Installed packages are not edited. */
const PACKAGES = /[\\/]node_modules[\\/]/;
/** What package managers write last when they install. */
const INSTALLED = [".package-lock.json", ".modules.yaml", ".yarn-state.yml"];

/**
 * Finds the files of the app that `request` names: its modules, what they
 * import by any name of their project, and files in `new URL(…,
 * import.meta.url)`. Names that are computed at run time are unknown.
 *
 * @throws {OptionError} When the command line is wrong.
 */
export async function appFiles(request: AppRequest): Promise<AppFiles> {
  const code = new Set<string>();
  const configuration = new Set<string>();
  const folders = new Set<string>();
  const resolver = new Resolver();
  const waiting = namedFiles(request).map((path) => resolve(path));
  if (request.eval !== null) {
    const here = join(Deno.cwd(), "eval.ts");
    waiting.push(...await imported(request.eval, here, resolver));
    folders.add(Deno.cwd());
  }
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (code.has(path) || PACKAGES.test(path)) continue;
    code.add(path);
    folders.add(dirname(path));
    if (!MODULE.test(path)) continue;
    const text = readable(() => Deno.readTextFileSync(path)) ?? "";
    waiting.push(...await imported(text, path, resolver));
  }
  for (const folder of folders) {
    for (const path of configurationFiles(folder)) configuration.add(path);
  }
  return { code, configuration };
}

const FILE_URL = /\bnew URL\(\s*(["'`])([^"'`\n]+)\1\s*,\s*import\.meta\.url/g;

/** The paths that the module `text` at `importer` needs. */
async function imported(
  text: string,
  importer: string,
  resolver: Resolver,
): Promise<string[]> {
  const paths: string[] = [];
  for (const name of importedNames(text)) {
    try {
      const path = await resolver.resolve(name, importer);
      if (isAbsolute(path)) paths.push(path);
    } catch {
      // It may be written next; what no path leads to is not waited for.
      if (/^\.{1,2}\//.test(name)) paths.push(join(dirname(importer), name));
    }
  }
  for (const [, , name] of text.matchAll(FILE_URL)) {
    if (/^\.{1,2}\//.test(name)) paths.push(join(dirname(importer), name));
  }
  return paths;
}

/** The configurations of the files in `folder`, and those that may come. */
function configurationFiles(folder: string): string[] {
  const project = readable(() => findProject(folder));
  const place = project?.folder ?? folder;
  const names = ["deno.json", "deno.jsonc", "package.json", "tsconfig.json"];
  const installed = fileIn(join(place, "node_modules"), INSTALLED);
  const { denoJson = null, rootJson = null } = project ?? {};
  const maps = [denoJson, rootJson].map((path) =>
    path === null ? null : importMapPath(path)
  );
  return [
    ...names.map((name) => join(place, name)),
    ...[rootJson, installed, ...maps].filter((path) => path !== null),
  ];
}

function importMapPath(path: string): string | null {
  const url = readable(() => importMapUrl(path));
  return url?.protocol === "file:" ? fromFileUrl(url) : null;
}

/** A configuration that cannot be read is watched until it can. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
