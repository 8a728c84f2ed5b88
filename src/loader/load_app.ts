/** From the command line's words to an app. */

import {
  type AppOptionTable,
  positionalOption,
} from "../options/app_options.ts";
import { OptionError, quote } from "../options/option_error.ts";
import { nameApp } from "../apps/explain.ts";
import type { LoadPart } from "../apps/composing.ts";
import { log } from "../log/log.ts";
import { isAbsolute, relative, resolve } from "../std/path.ts";
import type { PagiApp } from "../pagi/types.ts";
import {
  ACCEPTED,
  appFromExport,
  isApp,
  isForNode,
} from "./app_from_export.ts";
import {
  allPairs,
  describeApp,
  parseAppSpec,
  parsePart,
  parseTarget,
} from "./app_spec.ts";
import type { AppSpec, Pairs } from "./app_spec.ts";
import { BUNDLED_APPS, optionsOf } from "./bundled_apps.ts";
import { fileOf, findModule, lookUp } from "./find_module.ts";
import type { FoundModule } from "./find_module.ts";
import { addNames, importHere, runInline } from "./inline_code.ts";
import type { Names } from "./inline_code.ts";
import { LoadError } from "./load_error.ts";
import { type BoundAddress, hook } from "./fetch_object.ts";
import { localSources, ownEntry } from "./sources.ts";
import { appOrServer, type Loaded, loadWithoutServing } from "./own_server.ts";

/** The part of the command line that says what to run. */
export interface AppRequest {
  /** The app and its `key=value`, or nothing. */
  readonly positionals: readonly string[];
  /** `--app FILE`: then all positionals are `key=value`. */
  readonly app: string | null;
  /** `-I PATH`: where `My::App` is looked for. */
  readonly lib: readonly string[];
  /** `-M MODULE`: loaded first, in order. */
  readonly modules: readonly string[];
  /** `-e CODE`: the app as code. */
  readonly eval: string | null;
}

/** An app that is ready to be called. */
export interface LoadedApp {
  readonly app: PagiApp;
  /**
   * What it is, for the banner: `PAGI::App::Directory root=.`. Further lines
   * are sentences on what differs from running it without this server.
   */
  readonly title: string;
  /** The directory, if nothing else is served; else null. */
  readonly directory: string | null;
  /** Called with the first address once it is served there. */
  onListen(address: BoundAddress): void;
}

/**
 * Loads the app that `request` names. Throws {@linkcode OptionError} when the
 * command line is wrong, and {@linkcode LoadError} when the app is.
 */
export async function loadApp(request: AppRequest): Promise<LoadedApp> {
  const { positionals, app, lib, modules, eval: code } = request;
  if (code !== null) {
    const [other] = app === null ? positionals : [app];
    if (other !== undefined) {
      throw new OptionError(
        `-e is already the app: remove it, or ${quote(other)}`,
      );
    }
    return await loadInline(code, await preload(modules, lib));
  }
  const spec = parseAppSpec(positionals, app, lookUp);
  await preload(modules, lib);
  return await loadNamed(spec, lib);
}

/**
 * The files that `request` names: the app, its parts where it is composed of
 * others, and the modules of `-M`.
 *
 * @throws {OptionError} When the command line is wrong.
 */
export function namedFiles(request: AppRequest): string[] {
  const { positionals, app, lib, modules, eval: code } = request;
  const targets = modules.map((name) => parseTarget(name, lookUp));
  if (code === null) {
    const { target, pairs } = parseAppSpec(positionals, app, lookUp);
    targets.push(target);
    if (BUNDLED_APPS.has(target.name)) {
      targets.push(
        ...Object.values(pairs).map((value) => parsePart(value, lookUp).target)
          .filter(({ kind, name }) =>
            kind === "module" || MODULE_FILE.test(name)
          ),
      );
    }
  }
  return targets.flatMap((target) => fileOf(target, lib) ?? []);
}

/** Other files that options name are not code. */
const MODULE_FILE = /\.[cm]?[jt]sx?$/;

/** Bundled apps that show files of this machine. */
const FOLDER_APPS: ReadonlySet<string> = new Set([
  "PAGI::App::Directory",
  "PAGI::App::File",
]);

/**
 * Whether a command line names an app that serves a folder, alone or as a
 * part of another bundled app, or none.
 *
 * @throws {OptionError} When it is wrong.
 */
export function servesFolder(
  positionals: readonly string[],
  app: string | null,
): boolean {
  const { target, pairs } = parseAppSpec(positionals, app, lookUp);
  const serves = (name: string): boolean => FOLDER_APPS.has(name);
  return serves(target.name) ||
    BUNDLED_APPS.has(target.name) &&
      Object.values(pairs).some((value) =>
        serves(parsePart(value, lookUp).target.name)
      );
}

/**
 * The file that a command line names in the folder it serves; else null.
 *
 * @throws {OptionError} When it is wrong.
 */
export function servedPage(
  { positionals, app, eval: code }: Pick<
    AppRequest,
    "positionals" | "app" | "eval"
  >,
): string | null {
  return code === null ? parseAppSpec(positionals, app, lookUp).page : null;
}

/** Loads the modules of `-M` and yields what they export. */
async function preload(
  modules: readonly string[],
  lib: readonly string[],
): Promise<Names> {
  const names: Names = new Map();
  for (const name of modules) {
    const target = parseTarget(name, lookUp);
    const { isDeclaredHere } = await import("./packages.ts");
    const found = fileOf(target, lib) === null &&
        (ownEntry(name) !== null || await isDeclaredHere(name))
      ? { label: name, load: () => importHere(name) }
      : findModule(target, lib);
    const { result } = await importModule(found, () => false);
    addNames(names, name, result ?? {});
  }
  return names;
}

async function loadInline(code: string, names: Names): Promise<LoadedApp> {
  const { result, servers } = await loadWithoutServing(() =>
    runInline(code, names)
  );
  const { value, notes } = await ofNode(
    appOrServer("-e", result, servers),
    "-e",
  );
  if (value === undefined) {
    throw new LoadError(
      '-e gives no app: its code must be one expression, or end with "return".',
    );
  }
  const app = appFromExport(value, {}, "-e");
  nameApp(app, "-e");
  const title = ["-e", ...notes].join("\n");
  return { app, title, directory: null, onListen: onListen(value) };
}

/**
 * @param isPart Whether it is part of another app; then any app may be wrapped.
 */
async function loadNamed(
  spec: AppSpec,
  lib: readonly string[],
  isPart = false,
): Promise<LoadedApp> {
  const bundled = BUNDLED_APPS.has(spec.target.name);
  if (!bundled) allPairs(spec, null); // a wrong word is known before it loads
  const found = findModule(spec.target, lib);
  const file = fileOf(spec.target, lib);
  const texts = file === null
    ? []
    : [...localSources(file)].map(({ text }) => text);
  const mayStart = file === null || texts.some((text) => STARTS.test(text));
  const loaded = await importModule(
    file === null || !texts.some((text) => IS_PROGRAM.test(text))
      ? found
      : await asMain(found, file, texts),
    (exports) => mayStart && exportsNothing(exports),
    texts.some((text) => LISTENS.test(text)) ||
      texts.length > 0 && !GIVES_APP.test(texts[0]),
  );
  const { value, notes } = await ofNode(
    exported(loaded, found.label),
    found.label,
  );
  const word = bundled ? positionalOption(optionsOf(value)) : null;
  const pairs = allPairs(spec, word);
  const title = [describeApp({ ...spec, pairs }), ...notes].join("\n");
  const { own, wrap } = bundled || isPart
    ? await wrapperOf(pairs, bundled ? optionsOf(value) : {})
    : NO_WRAPPER(pairs);
  if (!isComposer(value)) {
    const app = appFromExport(value, own, found.label);
    nameApp(app, describeApp({ ...spec, pairs: own }));
    const directory = FOLDER_APPS.has(spec.target.name)
      ? pairs.root ?? "."
      : null;
    if (directory !== null && pairs.auth_file !== undefined) {
      warnOfServedUsers(directory, pairs.auth_file);
    }
    return { app: wrap(app), title, directory, onListen: onListen(value) };
  }
  const parts: LoadedApp[] = [];
  const composed = await value.compose(own, async (named) => {
    const part = await loadNamed(parsePart(named, lookUp), lib, true);
    parts.push(part);
    return part.app;
  });
  const app = composed.toApp();
  nameApp(app, spec.target.name);
  const notesOfParts = parts.flatMap((part) => part.title.split("\n").slice(1));
  return {
    app: wrap(app),
    title: [title, ...notesOfParts].join("\n"),
    directory: null,
    onListen: (address) => parts.forEach((part) => part.onListen(address)),
  };
}

/** Warns where the hashes of passwords can be downloaded. */
function warnOfServedUsers(directory: string, file: string): void {
  const path = relative(resolve(directory), resolve(file));
  if (path === "" || path.startsWith("..") || isAbsolute(path)) return;
  log.warn(
    `auth_file ${quote(file)} lies in the folder that is served, ${
      quote(directory)
    }, from which its hashes can be downloaded: move it elsewhere.`,
  );
}

/** The options of an app itself, and what wraps it as its others say. */
interface Wrapper {
  readonly own: Pairs;
  wrap(app: PagiApp): PagiApp;
}

const NO_WRAPPER = (own: Pairs): Wrapper => ({ own, wrap: (app) => app });

/** @param table The options that are the app's own in any case. */
async function wrapperOf(
  pairs: Pairs,
  table: AppOptionTable,
): Promise<Wrapper> {
  if (Object.keys(pairs).every((key) => Object.hasOwn(table, key))) {
    return NO_WRAPPER(pairs);
  }
  const { wrapperOptions, wrapApp } = await import(
    "../middleware/wrap_app.ts"
  );
  const wraps = ([key]: [string, string]) =>
    !Object.hasOwn(table, key) && Object.hasOwn(wrapperOptions, key);
  const all = Object.entries(pairs);
  const wrapping = all.filter(wraps);
  return wrapping.length === 0 ? NO_WRAPPER(pairs) : {
    own: Object.fromEntries(all.filter((pair) => !wraps(pair))),
    wrap: (app) => wrapApp(app, Object.fromEntries(wrapping)),
  };
}

/**
 * Matches the source of modules that start a server of Node. Apps also compare
 * the type and the scheme of their scopes with "http".
 */
const LISTENS =
  /\blisten\s*[(:]|["']node:https?["']|\b(?:from|import|require)\s*\(?\s*["']https?["']|\bnode-server\b|\b(?:create|run|start)\w*Server\b/;
/**
 * Matches modules that export an app or serve; the imports of others may start
 * a server.
 */
const GIVES_APP = /\bexports?\b|\bDeno\.serve\b/;
/** Matches modules that may start a server, perhaps after they are loaded. */
const STARTS = /serve|listen|start|run|boot|launch|main|init|open|fire/i;

/** Matches programs that depend on the command line or the current folder. */
const IS_PROGRAM =
  /\bmodule\.parent\b|\b(?:require|import\.meta)\.main\b|\bDeno\.args\b|\bargv\b|\bchdir\b/;

/** `found`, to be loaded as the program that its own command would run. */
async function asMain(
  found: FoundModule,
  path: string,
  texts: readonly string[],
): Promise<FoundModule> {
  const { loadAsMain } = await import("./main_module.ts");
  return { ...found, load: () => loadAsMain(path, texts, found.load) };
}

/** An app made for Node as one of ours: it starts its server for that. */
async function ofNode(
  chosen: { value: unknown; notes: readonly string[] },
  label: string,
): Promise<{ value: unknown; notes: readonly string[] }> {
  const { value, notes } = chosen;
  if (isApp(value) || !isForNode(value)) return chosen;
  const { startNodeApp } = await import("./node_server.ts");
  const { servers } = await loadWithoutServing(
    async () => {
      try {
        await startNodeApp(value);
      } catch (error) {
        throw new LoadError(`listen() of ${label} failed.`, error);
      }
      return {};
    },
    () => true,
    true,
  );
  if (servers.length === 0) {
    throw new LoadError(
      `The app of ${label} is made for Node's own HTTP server, and has not started it within 5 s of a call of listen().`,
    );
  }
  return { value: servers[0], notes };
}

/** What an object with `fetch()` does once the server listens. */
function onListen(value: unknown): LoadedApp["onListen"] {
  const call = typeof value === "object" && value !== null
    ? hook(value, "onListen")
    : undefined;
  // An error in it must not affect the server.
  return (address) => queueMicrotask(() => call?.(address));
}

/** An app that is made of others, which its options name. */
interface Composer {
  compose(pairs: Pairs, load: LoadPart): Promise<{ toApp(): PagiApp }>;
}

function isComposer(value: unknown): value is Composer {
  return typeof value === "function" && "compose" in value &&
    typeof value.compose === "function";
}

async function importModule(
  { label, load }: FoundModule,
  isNothing: (exports: object) => boolean,
  forNode = false,
): Promise<Loaded<object>> {
  try {
    return await loadWithoutServing(load, isNothing, forNode);
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const { importAdvice } = await import("./import_advice.ts");
    const advice = importAdvice(label, error);
    const sentence = `${label} could not be loaded.`;
    throw new LoadError(advice ? `${sentence} ${advice}` : sentence, error);
  }
}

/** An export of CommonJS modules, which is the same as `default`. */
const COMMONJS = "module.exports";
/** The mark of modules that were compiled to CommonJS. */
const COMPILED = "__esModule";

function exportNames(exports: object): string[] {
  return Object.keys(exports).filter((name) =>
    name !== COMMONJS && name !== COMPILED
  );
}

/** Whether a module exports nothing, in CommonJS too. */
function exportsNothing(exports: object): boolean {
  const names = exportNames(exports);
  if (names.length === 0) return true;
  const value = (exports as { default?: unknown }).default;
  return names.length === 1 &&
    (COMMONJS in exports || COMPILED in exports) &&
    typeof value === "object" && value !== null &&
    Object.keys(value).length === 0;
}

/** The exports that are taken for the app where there is no default export. */
const NAMED_APPS = ["fetch", "app", "handler", "server"];

/**
 * The default export, or else one that has the name and the form of an app, or
 * else the handler that the module wanted to serve.
 */
function exported(
  { result: exports = {}, servers }: Loaded<object>,
  label: string,
): { value: unknown; notes: readonly string[] } {
  const given: Record<string, unknown> = { ...exports };
  const isDefault = isApp(given.default) || isForNode(given.default);
  if ("default" in given && (isDefault || !(COMMONJS in given))) {
    return appOrServer(label, given.default, servers);
  }
  const named = (is: (value: unknown) => boolean): string | undefined =>
    NAMED_APPS.find((name) => is(given[name]));
  const app = named(isApp);
  if (app === undefined && servers.length > 0) {
    return appOrServer(label, undefined, servers);
  }
  const name = app ?? named(isForNode);
  if (name !== undefined) {
    // The module itself is an object with fetch(), and perhaps startup().
    const own = name === "fetch" ? given : given[name];
    const { value, notes } = appOrServer(label, own, servers);
    const note =
      `${label} has no default export: its export ${name} is served.`;
    return { value, notes: [note, ...notes] };
  }
  const names = exportNames(exports);
  const found = names.length === 0
    ? "It exports nothing, and has not called Deno.serve or listen()."
    : `It exports ${names.slice(0, 8).join(", ")}.`;
  throw new LoadError(
    `${label} has no default export. ${found} Its default export must be ${ACCEPTED}.`,
  );
}
