/** The project that an app belongs to: its nearest configuration. */

import { quote } from "../options/option_error.ts";
import { parseJsonc } from "../std/jsonc.ts";
import { dirname, fromFileUrl, join, toFileUrl } from "../std/path.ts";
import { LoadError } from "./load_error.ts";
import { fileIn, foldersIn, upwards } from "./files.ts";

/** Where a project is configured, as Deno finds it. */
export interface Project {
  /** The folder of the nearest `deno.json` or `package.json`. */
  readonly folder: string;
  /** The path of `deno.json` or `deno.jsonc` in it. */
  readonly denoJson: string | null;
  /** The path of `package.json` in it. */
  readonly packageJson: string | null;
  /** The `deno.json` whose workspace it is a member of, or its own. */
  readonly rootJson: string | null;
}

/** An import map whose addresses do not depend on where it lies. */
export interface ImportMap {
  readonly imports: Record<string, string>;
  readonly scopes: Record<string, Record<string, string>>;
}

/** What is read of a `deno.json`. */
interface DenoJson {
  readonly imports?: Readonly<Record<string, string>>;
  readonly scopes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly importMap?: string;
  readonly name?: string;
  readonly exports?: string | Readonly<Record<string, string>>;
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
  readonly lock?: boolean | string | { readonly path?: string };
  readonly workspace?: readonly string[] | {
    readonly members?: readonly string[];
  };
}

/** What is read of a `tsconfig.json`. */
interface TsConfig {
  readonly compilerOptions?: {
    readonly baseUrl?: string;
    readonly paths?: Readonly<Record<string, readonly string[]>>;
    readonly [name: string]: unknown;
  };
}

const DENO_JSON = ["deno.json", "deno.jsonc"];

/** The project of the files in `folder`; null where nothing configures them. */
export function findProject(folder: string): Project | null {
  for (const place of upwards(folder)) {
    const denoJson = fileIn(place, DENO_JSON);
    const packageJson = fileIn(place, ["package.json"]);
    if (denoJson === null && packageJson === null) continue;
    const rootJson = workspaceOf(place, denoJson) ?? denoJson;
    return { folder: place, denoJson, packageJson, rootJson };
  }
  return null;
}

/**
 * What a project's files may import by names of its own: the `imports`,
 * `scopes` and `importMap` of its `deno.json`, and of the workspace's members;
 * in a program for Node also the `paths` of its `tsconfig.json`.
 *
 * @throws {LoadError} When one cannot be read.
 */
export async function importMapOf(project: Project): Promise<ImportMap> {
  const { rootJson } = project;
  const map: ImportMap = { imports: pathsOf(project), scopes: {} };
  if (rootJson === null) return map;
  const config = readJson<DenoJson>(rootJson);
  const [written, base] = await mapOf(config, rootJson);
  Object.assign(map.imports, absolute(written.imports ?? {}, base));
  addScopes(map, written, base);
  for (const folder of members(dirname(rootJson), config)) {
    const path = fileIn(folder, DENO_JSON);
    if (path === null) continue;
    const member = readJson<DenoJson>(path);
    addScopes(map, { scopes: { "./": member.imports ?? {} } }, urlOf(path));
    addScopes(map, member, urlOf(path));
    Object.assign(map.imports, exportsOf(member, urlOf(path)));
  }
  return map;
}

/**
 * The `paths` of a program for Node, as far as an import map can have them:
 * their first targets, and `*` at the end only. Compilers resolve them, so that
 * they may lead to types as well, which no program imports.
 */
function pathsOf({ folder, packageJson }: Project): Record<string, string> {
  const path = fileIn(folder, ["tsconfig.json"]);
  if (packageJson === null || path === null) return {};
  const { compilerOptions = {} } = readJson<TsConfig>(path);
  const { baseUrl = ".", paths = {} } = compilerOptions;
  const base = new URL(`${baseUrl}/`, urlOf(path));
  const imports: Record<string, string> = {};
  for (const [pattern, [target = ""]] of Object.entries(paths)) {
    const [name, to] = [pattern, target].map((text) => text.replace(/\*$/, ""));
    const isPlain = name !== "" && to !== "" && !/\*/.test(name + to);
    if (!isPlain || /node_modules|\.d\.ts$/.test(to)) continue;
    imports[name] = new URL(to, base).href;
  }
  return imports;
}

/** Options of `tsconfig.json` that change what a program does. */
const TSCONFIG_OPTIONS = [
  "jsx",
  "jsxFactory",
  "jsxFragmentFactory",
  "jsxImportSource",
  "experimentalDecorators",
  "emitDecoratorMetadata",
];

/**
 * The options of a project for those who compile its files themselves: of its
 * `deno.json`, or of the `tsconfig.json` beside its `package.json`.
 */
export function compilerOptionsOf(
  { folder, denoJson, rootJson }: Project,
): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const path of [rootJson, denoJson]) {
    if (path === null) continue;
    Object.assign(options, readJson<DenoJson>(path).compilerOptions);
  }
  const path = fileIn(folder, ["tsconfig.json"]);
  if (rootJson === null && path !== null) {
    const { compilerOptions = {} } = readJson<TsConfig>(path);
    for (const name of TSCONFIG_OPTIONS) {
      if (name in compilerOptions) options[name] = compilerOptions[name];
    }
  }
  // What it says of the output is the same; it differs in speed only.
  if (options.jsx === "precompile") options.jsx = "react-jsx";
  return options;
}

/** What the other members of a workspace import by a member's name. */
function exportsOf(
  { name, exports }: DenoJson,
  base: string,
): Record<string, string> {
  if (name === undefined || exports === undefined) return {};
  const entries = typeof exports === "string"
    ? [[".", exports]]
    : Object.entries(exports);
  return Object.fromEntries(
    entries.map(([sub, address]) => [
      name + sub.slice(1),
      new URL(address, base).href,
    ]),
  );
}

/** Reads a file as JSON with comments. @throws {LoadError} */
export function readJson<T extends object>(path: string): T {
  try {
    const value = parseJsonc(Deno.readTextFileSync(path));
    if (typeof value === "object" && value !== null) return value as T;
  } catch (error) {
    throw new LoadError(`${quote(path)} cannot be read. ${error}.`);
  }
  throw new LoadError(`${quote(path)} has to hold an object.`);
}

/** Where the `deno.json` at `path` has its import map; null if in itself. */
export function importMapUrl(path: string): URL | null {
  const { importMap } = readJson<DenoJson>(path);
  return importMap === undefined ? null : new URL(importMap, urlOf(path));
}

/** The lock file of a project with a `deno.json`; null where there is none. */
export function lockFileOf({ rootJson }: Project): string | null {
  if (rootJson === null) return null;
  const { lock } = readJson<DenoJson>(rootJson);
  if (lock === false) return null;
  const named = typeof lock === "object" ? lock.path : lock;
  const name = typeof named === "string" ? named : "deno.lock";
  return fileIn(dirname(rootJson), [name]);
}

/** The import map of a configuration, and the URL that it is relative to. */
async function mapOf(
  config: DenoJson,
  path: string,
): Promise<[DenoJson, string]> {
  const url = importMapUrl(path);
  // As in Deno, a configuration with imports of its own has no other map.
  if (url === null || config.imports || config.scopes) {
    return [config, urlOf(path)];
  }
  if (url.protocol === "file:") {
    return [readJson<DenoJson>(fromFileUrl(url)), url.href];
  }
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the answer is ${response.status}`);
    return [await response.json(), url.href];
  } catch (error) {
    throw new LoadError(
      `The import map ${url} of ${quote(path)} cannot be fetched. ${error}.`,
    );
  }
}

function addScopes(map: ImportMap, { scopes = {} }: DenoJson, base: string) {
  for (const [scope, imports] of Object.entries(scopes)) {
    const prefix = new URL(scope, base).href;
    map.scopes[prefix] = { ...map.scopes[prefix], ...absolute(imports, base) };
  }
}

/**
 * Makes relative addresses URLs. What is below a package can be imported, too,
 * as in Deno's own configuration: `hono/cors` of `"hono": "npm:hono@4"`.
 */
function absolute(
  imports: Readonly<Record<string, string>>,
  base: string,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, address] of Object.entries(imports)) {
    const isRelative = (text: string) => /^(?:\.{0,2}\/)/.test(text);
    const key = isRelative(name) ? new URL(name, base).href : name;
    result[key] = isRelative(address) ? new URL(address, base).href : address;
    const [, registry, rest] = /^(npm|jsr):\/?(.+[^/])$/.exec(address) ?? [];
    const below = `${name}/`;
    if (registry !== undefined && !name.endsWith("/") && !(below in imports)) {
      result[below] = `${registry}:/${rest}/`;
    }
  }
  return result;
}

/** The configuration above `folder` whose workspace has it as a member. */
function workspaceOf(folder: string, own: string | null): string | null {
  for (const place of upwards(folder)) {
    const path = place === folder ? own : fileIn(place, DENO_JSON);
    if (path === null) continue;
    const config = readJson<DenoJson>(path);
    if (config.workspace === undefined) continue;
    if (place === folder || members(place, config).includes(folder)) {
      return path;
    }
  }
  return null;
}

/** The folders of a workspace's members; `packages/*` stands for each in it. */
function members(root: string, { workspace }: DenoJson): string[] {
  const patterns = Array.isArray(workspace)
    ? workspace as readonly string[]
    : (workspace as { members?: readonly string[] })?.members ?? [];
  return patterns.flatMap((pattern) => {
    const [, parent] = /^(.*?)\/?\*\*?\/?$/.exec(pattern) ?? [];
    if (parent === undefined) return [join(root, pattern.replace(/\/$/, ""))];
    const folder = join(root, parent);
    return foldersIn(folder).map((name) => join(folder, name));
  });
}

function urlOf(path: string): string {
  return toFileUrl(path).href;
}
