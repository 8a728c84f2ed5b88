/**
 * Restarts the program under the configuration of the app's project.
 *
 * Deno resolves all imports of a process by one configuration, by default that
 * of the program. So that an app can import what `deno run app.ts` in its
 * directory could, and none of the server's own packages, the process restarts
 * with the project's configuration, and with an import map that limits the
 * server's own names to the server's own files.
 */

import config from "../../deno.json" with { type: "json" };
import { denoFolder, fetchedVersions } from "../loader/deno_cache.ts";
import { type AppRequest, namedFiles } from "../loader/load_app.ts";
import { packageFile } from "../loader/packages.ts";
import { isFile } from "../loader/files.ts";
import {
  compilerOptionsOf,
  findProject,
  type ImportMap,
  importMapOf,
  importMapUrl,
  lockFileOf,
  type Project,
  readJson,
} from "../loader/project.ts";

import { asksForMain, importedNames, localSources } from "../loader/sources.ts";
import { dirname, fromFileUrl, join, resolve, toFileUrl } from "../std/path.ts";
import { replaceProcess } from "../system/replace_process.ts";
import { namesFromFiles } from "./env_files.ts";
import { commandLine } from "./own_process.ts";
import { takeVariable } from "../system/process_pipes.ts";

/** What apps may import of the server, unless their project declares it. */
const ENTRIES = Object.fromEntries(
  Object.entries(config.exports).map(([sub, path]) => [
    config.name + sub.slice(1),
    new URL(`../../${path.slice(2)}`, import.meta.url).href,
  ]),
);
/** Environment variable that marks the second start. */
const VARIABLE = "PAGI_SERVER_IN_PROJECT";
/** The server's directory; null where it does not run from files. */
const ROOT = import.meta.url.startsWith("file:")
  ? fromFileUrl(new URL("../..", import.meta.url))
  : null;
/** The only rooms of `src` that import by name. */
const IMPORTERS = ["channels/", "cli/", "std/", "log/"];
/** Packages that find what they need as packages only. */
const HAS_DEPENDENCIES = /^(?:ioredis$|@nats-io\/)/;
/** Flags of `deno run` for the configuration, and those with a separate value. */
const FLAGS =
  /^(?:-c|--config|--import-map|--no-config|--lock|--no-lock|--frozen|--node-modules-dir)(?:=.*)?$/;
const WITH_VALUE = /^(?:-c|--config|--import-map|--lock)$/;

/**
 * Restarts this program if the app belongs to a project whose configuration this
 * process does not have; otherwise returns.
 *
 * @throws {LoadError} When a configuration cannot be read.
 */
export async function startInProject(request: AppRequest): Promise<void> {
  if (Deno.build.standalone) return;
  const isSecond = takeVariable(VARIABLE) !== null;
  if (isSecond) return;
  const files = namedFiles(request);
  const projects = findProjects(files, importsByName(request));
  if (projects.length === 0 && !leaks(files, request.eval)) return;
  const flags = await flagsFor(projects, files.some(isMainModule));
  const before = ownArguments();
  const args = withFlags(before, flags);
  if (args.join("\0") === before.join("\0")) return;
  const variables = { ...namesFromFiles(), [VARIABLE]: "1" };
  for (const [name, value] of Object.entries(variables)) {
    Deno.env.set(name, value);
  }
  await replaceProcess(Deno.execPath(), args);
}

/** Whether the command line itself imports something, by a module name or -e. */
function importsByName({ eval: code, modules, app, positionals }: AppRequest) {
  const names = [...modules, app ?? positionals[0] ?? ""];
  return names.some((name) => /^(?:npm|jsr|https?):/.test(name)) ||
    modules.some((name) => !name.includes("::") && !isFile(name)) ||
    code !== null && importedNames(code).length > 0;
}

/** The projects of an app and its parts, each once, without the server's. */
function findProjects(
  files: readonly string[],
  inline: boolean,
): Project[] {
  const folders = files.map((path) => dirname(resolve(path)));
  if (inline) folders.push(Deno.cwd());
  const projects = new Map<string, Project>();
  for (const folder of folders) {
    const project = findProject(folder);
    if (project === null) continue;
    if (ROOT !== null && join(project.folder, ".") === join(ROOT, ".")) {
      continue;
    }
    projects.set(project.folder, project);
  }
  return [...projects.values()];
}

/**
 * Whether an app without a project imports one of the server's own names, or,
 * where the server does not run from files, what only an import map gives it.
 */
function leaks(files: readonly string[], code: string | null): boolean {
  const own = ROOT === null
    ? Object.keys(ENTRIES)
    : Object.keys(config.imports);
  const texts = files
    .filter((path) => ROOT === null || !resolve(path).startsWith(ROOT))
    .flatMap((path) => [...localSources(resolve(path))])
    .map(({ text }) => text);
  if (code !== null) texts.push(code);
  return texts.flatMap(importedNames).some((name) => own.includes(name));
}

/** Whether a file can only be an ES module. */
function isMainModule(path: string): boolean {
  const [source] = localSources(resolve(path));
  return source !== undefined && asksForMain(source.text);
}

/**
 * Flags for the projects; the first one's configuration applies as a whole.
 *
 * @param isModule Whether the app tells by itself that it is no CommonJS.
 */
async function flagsFor(
  projects: readonly Project[],
  isModule: boolean,
): Promise<string[]> {
  const [first] = projects;
  const maps = await Promise.all(projects.map(importMapOf));
  const map: ImportMap = {
    imports: {
      ...ENTRIES,
      ...maps[0]?.imports,
    },
    scopes: serverScopes(),
  };
  for (const [index, { imports, scopes }] of maps.entries()) {
    if (index > 0) {
      map.scopes[toFileUrl(join(projects[index].folder, "/")).href] = imports;
    }
    Object.assign(map.scopes, scopes);
  }
  const json = projects.find((project) => project.denoJson !== null) ?? first;
  const path = json?.denoJson ?? json?.rootJson;
  const isPackage = projects.some(({ denoJson, packageJson }) =>
    packageJson !== null && denoJson === null
  );
  // Programs for Node leave out extensions, and have their own configuration.
  const options = first === undefined ? {} : compilerOptionsOf(first);
  const instead = Object.keys(options).length > 0
    ? ["--config", await written({ compilerOptions: options, lock: false })]
    : ["--no-config"];
  return [
    ...path ? ["--config", path] : instead,
    // Otherwise Deno warns that --import-map overrides the one that is named
    // there.
    ...path && importMapUrl(path) ? ["--quiet"] : [],
    ...await lockFlags(json),
    ...isPackage
      ? [
        "--node-modules-dir=manual",
        // Modules that may be CommonJS are not passed to hooks
        // (main_module.ts).
        ...isModule ? [] : ["--unstable-detect-cjs"],
        "--unstable-sloppy-imports",
      ]
      : [],
    ...config.unstable.map((name) => `--unstable-${name}`),
    "--import-map",
    await written(map),
  ];
}

/**
 * Otherwise Deno would add the server's packages to the project's lock file.
 */
async function lockFlags(project: Project | undefined): Promise<string[]> {
  const lock = project === undefined ? null : lockFileOf(project);
  return lock === null
    ? ["--no-lock"]
    : ["--lock", await written(readJson(lock)), "--frozen=false"];
}

/**
 * The server's own names, for its own files. They lead to the files of its
 * packages, for which Deno would otherwise look in a project's `node_modules`.
 */
function serverScopes(): ImportMap["scopes"] {
  if (ROOT === null) return {};
  const imports = Object.entries(config.imports).map(([name, address]) => {
    const file = HAS_DEPENDENCIES.test(name) ? null : fetchedFile(address);
    return [name, file === null ? address : toFileUrl(file).href];
  });
  const names = Object.fromEntries(imports);
  return Object.fromEntries(
    IMPORTERS.map((path) => [
      toFileUrl(join(ROOT, "src", path)).href,
      names,
    ]),
  );
}

/** The cached file of `npm:name@version/sub/path`, or null. */
function fetchedFile(address: string): string | null {
  const [, name, version, sub] =
    /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)(.*)$/.exec(address) ?? [];
  if (name === undefined) return null;
  const folder = fetchedVersions(name).get(version);
  return folder === undefined ? null : packageFile(folder, `.${sub}`);
}

/** Writes a configuration to a file named by its hash, for successors too. */
async function written(content: object): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const name = hash.subarray(0, 16).toHex();
  const folder = join(denoFolder() ?? "", "pagi-server");
  const path = join(folder, `${name}.json`);
  try {
    Deno.mkdirSync(folder, { recursive: true });
    const draft = `${path}.${Deno.pid}`;
    Deno.writeFileSync(draft, bytes);
    Deno.renameSync(draft, path);
    return path;
  } catch {
    // The directory is not writable.
    return `data:application/json,${
      encodeURIComponent(JSON.stringify(content))
    }`;
  }
}

/** The arguments of this process, those of `deno` included. */
function ownArguments(): string[] {
  const [, ...known] = commandLine("self") ?? [];
  if (known.length > Deno.args.length) return known;
  return ["run", "--allow-all", Deno.mainModule, ...Deno.args];
}

/** Puts `flags` before the program, in place of flags of the same kind. */
function withFlags(args: readonly string[], flags: readonly string[]) {
  const main = args.length - Deno.args.length - 1;
  const kept = args.slice(0, main).filter((arg, index) =>
    !FLAGS.test(arg) &&
    (arg.startsWith("-") || !WITH_VALUE.test(args[index - 1] ?? "")) &&
    !flags.includes(arg)
  );
  return [...kept, ...flags, ...args.slice(main)];
}
