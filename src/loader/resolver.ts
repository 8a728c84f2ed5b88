/**
 * Which file an import of an app means, by the configuration of its project:
 * what Deno does by itself where it is not part of an executable.
 */

import {
  basename,
  dirname,
  fromFileUrl,
  isAbsolute,
  toFileUrl,
} from "../std/path.ts";
import { format, maxSatisfying, parse, tryParseRange } from "../std/semver.ts";
import { fetchedVersions } from "./deno_cache.ts";
import { howToDeclare } from "./import_advice.ts";
import {
  dependenciesOf,
  existing,
  installedPackage,
  internalName,
  manifestOf,
  packageFile,
  packageName,
  packageOf,
  PACKAGES,
  REQUIRE_CONDITIONS,
  wholePackageOf,
} from "./packages.ts";
import { fileIn, isFile } from "./files.ts";
import {
  compilerOptionsOf,
  findProject,
  type ImportMap,
  importMapOf,
  lockFileOf,
  type Project,
  readJson,
} from "./project.ts";

/** An import cannot be found; the message says what to do. */
export class ImportError extends Error {}

/** A project, with facts that take time to find out. */
interface Known {
  readonly project: Project;
  readonly map: Promise<ImportMap>;
  /** Whether imports may leave out extensions, as Deno has it. */
  readonly lacksExtensions: boolean;
  /** The exact versions of the lock file, by `npm:name@range`. */
  readonly locked: Readonly<Record<string, string>>;
}

/** Resolves what the files of an app import. */
export class Resolver {
  readonly #known = new Map<string, Known | null>();

  /**
   * What `specifier` means in the file at `importer`: the path of a file, or a
   * module of Node.
   *
   * @throws {ImportError}
   */
  async resolve(specifier: string, importer: string): Promise<string> {
    const inPackage = PACKAGES.test(importer);
    const known = inPackage ? null : this.#projectOf(dirname(importer));
    const name = known === null
      ? specifier
      : mapped(await known.map, specifier, importer);
    if (name.startsWith("node:")) return name;
    if (name.startsWith("#")) return await this.#internal(name, importer);
    if (/^(?:\.{0,2}\/|file:)/.test(name) || isAbsolute(name)) {
      return present(name, importer, known?.lacksExtensions ?? false);
    }
    if (name.startsWith("npm:")) return this.#npm(name, importer, known);
    if (/^(?:jsr|https?):/.test(name)) {
      throw new ImportError(
        `An executable cannot fetch ${name}. Take the package from npm, run the app in a clone of the server, or bundle it first: deno bundle --output app.bundle.js ${
          basename(importer)
        }`,
      );
    }
    return this.#package(name, importer);
  }

  /** The compiler options for the files in `folder`. */
  compilerOptions(folder: string): Record<string, unknown> {
    const known = this.#projectOf(folder);
    return known === null ? {} : compilerOptionsOf(known.project);
  }

  #projectOf(folder: string): Known | null {
    let known = this.#known.get(folder);
    if (known === undefined) {
      const project = findProject(folder);
      known = project === null ? null : {
        project,
        map: importMapOf(project),
        lacksExtensions: project.rootJson === null ||
          project.packageJson !== null &&
            fileIn(project.folder, ["tsconfig.json"]) !== null,
        locked: lockedVersions(project),
      };
      this.#known.set(folder, known);
    }
    return known;
  }

  async #internal(name: string, importer: string): Promise<string> {
    const folder = packageOf(importer);
    const target = folder === null ? null : internalName(folder, name);
    if (target === null) {
      throw new ImportError(
        `${importer} imports ${name}, which the package.json of its package does not declare.`,
      );
    }
    return isAbsolute(target) ? target : await this.resolve(target, importer);
  }

  /** A name of `node_modules`, or of a package in Deno's cache. */
  #package(specifier: string, importer: string): string {
    const [name, sub] = packageName(specifier);
    const own = wholePackageOf(importer);
    const manifest = own === null ? {} : manifestOf(own);
    const folder = installedPackage(name, dirname(importer)) ??
      (manifest.name === name ? own : null) ??
      fetchedPackage(name, dependenciesOf(manifest)[name]);
    if (folder !== null) return inside(folder, name, sub);
    if (isBuiltin(specifier)) return `node:${specifier}`;
    const declared = name in dependenciesOf(manifest);
    throw new ImportError(
      declared
        ? `The package ${name} is not installed. In ${own}: npm install, or deno install.`
        : `${importer} imports ${specifier}, which no configuration of its project declares. ${
          howToDeclare(specifier)
        }`,
    );
  }

  #npm(specifier: string, importer: string, known: Known | null): string {
    const [, name, range = "", sub = ""] =
      /^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@([^/]+))?(\/.*)?$/.exec(specifier) ??
        [];
    const locked = known?.locked[`npm:${name}@${range}`]?.split("_")[0];
    const folder = installedPackage(name, dirname(importer)) ??
      fetchedPackage(name, locked ?? range);
    if (folder !== null) return inside(folder, name, `.${sub}`);
    throw new ImportError(
      `The package ${specifier} is not on this machine. To fetch it once, where there is a network: deno cache ${
        basename(importer)
      }`,
    );
  }
}

/**
 * The file of a package in Deno's cache that a package there depends on; null
 * when it is not there.
 */
export function fetchedDependency(
  specifier: string,
  importer: string,
): string | null {
  const [name, sub] = packageName(specifier);
  const own = wholePackageOf(importer);
  const range = dependenciesOf(own === null ? {} : manifestOf(own))[name];
  const folder = fetchedPackage(name, range);
  return folder === null ? null : packageFile(folder, sub, REQUIRE_CONDITIONS);
}

/** What the import map makes of a name; scopes nearest to the file first. */
function mapped(
  { imports, scopes }: ImportMap,
  specifier: string,
  importer: string,
): string {
  const url = toFileUrl(importer).href;
  const key = /^\.{0,2}\//.test(specifier)
    ? new URL(specifier, url).href
    : specifier;
  const fitting = Object.keys(scopes)
    .filter((scope) =>
      scope === url || scope.endsWith("/") && url.startsWith(scope)
    )
    .sort((a, b) => b.length - a.length)
    .map((scope) => scopes[scope]);
  for (const map of [...fitting, imports]) {
    if (Object.hasOwn(map, key)) return map[key];
    const prefix = Object.keys(map)
      .filter((name) => name.endsWith("/") && key.startsWith(name))
      .sort((a, b) => b.length - a.length)[0];
    if (prefix !== undefined) return map[prefix] + key.slice(prefix.length);
  }
  return specifier;
}

/** Extensions that programs for Node leave out; TypeScript comes first. */
const ENDS = [".ts", ".tsx", ".js", ".mjs", ".jsx"];

function present(
  specifier: string,
  importer: string,
  lacksExtensions: boolean,
): string {
  const url = new URL(specifier, toFileUrl(importer));
  const path = fromFileUrl(url);
  const file = lacksExtensions
    ? existing(path, ENDS)
    : isFile(path)
    ? path
    : null;
  if (file !== null) return Deno.realPathSync(file);
  throw new ImportError(`Module not found "${url}".`);
}

function inside(folder: string, name: string, sub: string): string {
  const file = packageFile(folder, sub);
  if (file !== null) return file;
  const version = manifestOf(folder).version ?? "";
  throw new ImportError(
    `The package ${name} ${version} in ${folder} has no ${
      sub === "." ? "file to import" : `"${sub}" to import`
    }.`,
  );
}

/** A package in Deno's cache whose version is in `range`. */
function fetchedPackage(
  name: string,
  range: string | undefined,
): string | null {
  if (range === undefined) return null;
  const versions = fetchedVersions(name);
  if (versions.has(range)) return versions.get(range)!;
  const wanted = tryParseRange(range) ?? tryParseRange("*")!;
  const best = maxSatisfying([...versions.keys()].map(parse), wanted);
  return best === undefined ? null : versions.get(format(best)) ?? null;
}

function lockedVersions(project: Project): Record<string, string> {
  const lock = lockFileOf(project);
  if (lock === null) return {};
  const { specifiers } = readJson<{ specifiers?: Record<string, string> }>(
    lock,
  );
  return specifiers ?? {};
}

/** A static import would load it for all apps. */
function isBuiltin(name: string): boolean {
  return globalThis.process.getBuiltinModule("node:module").isBuiltin(name);
}
