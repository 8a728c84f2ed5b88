/**
 * Packages on disk, and which of their files a name stands for: Node's rules
 * (https://nodejs.org/api/esm.html#resolution-algorithm-specification).
 */

import { join } from "../std/path.ts";
import { fileIn, isFile, isFolder, upwards } from "./files.ts";
import { findProject, importMapOf, readJson } from "./project.ts";

/** What an `import` asks for, the most particular ones first. */
export const IMPORT_CONDITIONS = ["deno", "node", "import", "module-sync"];

/** What a `require` asks for. */
export const REQUIRE_CONDITIONS = ["node", "require"];

/** What is read of a `package.json`. */
export interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly main?: string;
  readonly module?: string;
  readonly exports?: Target;
  readonly imports?: Readonly<Record<string, Target>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** An address, or one for each condition, or the first that fits. */
type Target = string | null | readonly Target[] | { [key: string]: Target };

/** Divides `@scope/name/sub/path` into the package's name and `./sub/path`. */
export function packageName(specifier: string): [name: string, sub: string] {
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ??
    [specifier, specifier, ""];
  return [name, `.${rest}`];
}

/** Whether the project of the current directory declares the name. */
export async function isDeclaredHere(specifier: string): Promise<boolean> {
  const project = findProject(Deno.cwd());
  if (project === null) return false;
  const { imports } = await importMapOf(project);
  const [name] = packageName(specifier);
  return specifier in imports || `${name}/` in imports ||
    name in dependenciesOf(manifestOf(project.folder));
}

/** The ranges of what a package depends on, by name. */
export function dependenciesOf(
  manifest: PackageJson,
): Readonly<Record<string, string>> {
  return {
    ...manifest.devDependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
    ...manifest.dependencies,
  };
}

/** The folder of a package in the nearest `node_modules` that has it. */
export function installedPackage(name: string, from: string): string | null {
  for (const folder of upwards(from)) {
    const place = join(folder, "node_modules", name);
    if (isFolder(place)) return Deno.realPathSync(place);
  }
  return null;
}

/**
 * The file of a package that `sub` (`.` or `./sub/path`) stands for; null when
 * the package has none, or does not export it.
 */
export function packageFile(
  folder: string,
  sub: string,
  conditions: readonly string[] = IMPORT_CONDITIONS,
): string | null {
  const manifest = manifestOf(folder);
  if (manifest.exports !== undefined && manifest.exports !== null) {
    const target = exported(manifest.exports, sub, conditions);
    return target === null ? null : join(folder, target);
  }
  if (sub !== ".") return existing(join(folder, sub));
  return existing(join(folder, manifest.main ?? "index.js")) ??
    existing(join(folder, "index.js"));
}

/**
 * What `#name` stands for in the package at `folder`: the path of a file, or
 * another name; null when it is not declared.
 */
export function internalName(
  folder: string,
  name: string,
  conditions: readonly string[] = IMPORT_CONDITIONS,
): string | null {
  const { imports = {} } = manifestOf(folder);
  const target = matching(imports, name, conditions);
  return target?.startsWith("./") ? join(folder, target) : target;
}

/** The folder that has the nearest `package.json`; null where there is none. */
export function packageOf(path: string): string | null {
  for (const folder of upwards(join(path, ".."))) {
    if (manifestIn(folder) !== null) return folder;
  }
  return null;
}

/**
 * The folder of the package that `path` is part of: beside the `package.json`
 * with its name, not one that only tells the format of some of its files.
 */
export function wholePackageOf(path: string): string | null {
  for (const folder of upwards(join(path, ".."))) {
    const manifest = manifestOf(folder);
    const declares = Object.keys(dependenciesOf(manifest)).length > 0;
    if (manifest.name !== undefined || declares) return folder;
  }
  return null;
}

/** Those that were read; each is asked for once for each import. */
const manifests = new Map<string, PackageJson | null>();

/** What the `package.json` in `folder` says; nothing where there is none. */
export function manifestOf(folder: string): PackageJson {
  return manifestIn(folder) ?? {};
}

function manifestIn(folder: string): PackageJson | null {
  let manifest = manifests.get(folder);
  if (manifest === undefined) {
    const path = fileIn(folder, ["package.json"]);
    manifest = path === null ? null : readJson<PackageJson>(path);
    manifests.set(folder, manifest);
  }
  return manifest;
}

/** Where packages lie whose modules are CommonJS unless they say otherwise. */
export const PACKAGES =
  /[\\/]node_modules[\\/]|[\\/]npm[\\/][^\\/]+[\\/].*[\\/]\d+\.\d+\.\d+/;

/** Whether the file at `path` is for `require`. */
export function isCommonJs(path: string): boolean {
  if (/\.(?:cjs|node)$/.test(path)) return true;
  if (!path.endsWith(".js")) return false;
  const folder = packageOf(path);
  const { type } = folder === null ? {} : manifestOf(folder);
  if (type !== undefined) return type === "commonjs";
  // Without a package.json, Deno takes a file for a module.
  if (folder === null) return false;
  const text = Deno.readTextFileSync(path);
  return /\bmodule\.exports\b/.test(text) ||
    !/^\s*(?:import\s*[\w{*"']|export\s)/m.test(text) &&
      (PACKAGES.test(path) || /\b(?:require\s*\(|exports\.)/.test(text));
}

/** What an import may leave out, in the order of CommonJS. */
const ENDS = [".js", ".cjs", ".mjs", ".json", ".node", ".ts", ".tsx", ".jsx"];

/**
 * `path` as it is, or as CommonJS and compilers of TypeScript let it be written:
 * without its extension, as a folder, or with the extension of what is made of it.
 */
export function existing(
  path: string,
  ends: readonly string[] = ENDS,
): string | null {
  const main = isFolder(path) ? manifestOf(path).main : undefined;
  const bases = [
    ...main === undefined ? [] : [join(path, main)],
    path,
    path.replace(/\.[cm]?jsx?$/, ""),
    join(path, "index"),
  ];
  const names = bases.flatMap((base) => ["", ...ends].map((end) => base + end));
  return names.find(isFile) ?? null;
}

function exported(
  exports: Target,
  sub: string,
  conditions: readonly string[],
): string | null {
  const isMap = typeof exports === "object" && exports !== null &&
    !Array.isArray(exports) &&
    Object.keys(exports).some((key) => key.startsWith("."));
  if (isMap) {
    return matching(exports as Record<string, Target>, sub, conditions);
  }
  return sub === "." ? chosen(exports, conditions, "") : null;
}

/** The target of `name`, which may be a pattern: `./features/*.js`. */
function matching(
  map: Readonly<Record<string, Target>>,
  name: string,
  conditions: readonly string[],
): string | null {
  if (Object.hasOwn(map, name)) return chosen(map[name], conditions, "");
  const fits = Object.keys(map)
    .filter((key) => {
      const [before, after] = key.split("*");
      return key.includes("*") && name.length >= key.length - 1 &&
        name.startsWith(before) && name.endsWith(after);
    })
    .sort((a, b) => b.indexOf("*") - a.indexOf("*") || b.length - a.length);
  if (fits.length === 0) return null;
  const [before, after] = fits[0].split("*");
  const star = name.slice(before.length, name.length - after.length);
  return chosen(map[fits[0]], conditions, star);
}

function chosen(
  target: Target,
  conditions: readonly string[],
  star: string,
): string | null {
  if (typeof target === "string") return target.replaceAll("*", star);
  if (target === null) return null;
  const choices = Array.isArray(target)
    ? target as readonly Target[]
    : Object.entries(target)
      .filter(([key]) => key === "default" || conditions.includes(key))
      .map(([, value]) => value);
  for (const choice of choices) {
    const found = chosen(choice, conditions, star);
    if (found !== null) return found;
  }
  return null;
}
