/**
 * From the command line's words to an app.
 *
 * @module
 */

import { positionalOption } from "../options/app_options.ts";
import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import type { LoadPart } from "../apps/parts.ts";
import type { PagiApp } from "../pagi/types.ts";
import { ACCEPTED, appFromExport } from "./app_from_export.ts";
import {
  allPairs,
  describeApp,
  parseAppSpec,
  parsePart,
  parseTarget,
} from "./app_spec.ts";
import type { AppSpec, Pairs } from "./app_spec.ts";
import { BUNDLED_APPS, optionsOf } from "./bundled_apps.ts";
import { executableAdvice } from "./executable_advice.ts";
import { findModule, isFile } from "./find_module.ts";
import type { FoundModule } from "./find_module.ts";
import { addNames, runInline } from "./inline_code.ts";
import type { Names } from "./inline_code.ts";
import { LoadError } from "./load_error.ts";
import { handlerOrApp, type Loaded, loadWithoutServing } from "./own_server.ts";

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
  /** What it is, for the banner: `PAGI::App::Directory root=.`. */
  readonly title: string;
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
      throw new OptionError(`-e is the app: remove it, or ${quote(other)}`);
    }
    return await loadInline(code, await preload(modules, lib));
  }
  const spec = parseAppSpec(positionals, app, isFile);
  await preload(modules, lib);
  return await loadNamed(spec, lib);
}

/** Bundled apps that show files of this machine. */
const FOLDER_APPS: ReadonlySet<string> = new Set([
  "PAGI::App::Directory",
  "PAGI::App::File",
]);

/**
 * Tells whether a command line names an app that serves a folder, alone or as a
 * part of another bundled app, or none.
 *
 * @throws {OptionError} When it is wrong.
 */
export function servesFolder(
  positionals: readonly string[],
  app: string | null,
): boolean {
  const { target, pairs } = parseAppSpec(positionals, app, isFile);
  const serves = (name: string): boolean => FOLDER_APPS.has(name);
  return serves(target.name) ||
    BUNDLED_APPS.has(target.name) &&
      Object.values(pairs).some((value) =>
        serves(parsePart(value, isFile).target.name)
      );
}

/** Loads the modules of `-M` and yields what they export. */
async function preload(
  modules: readonly string[],
  lib: readonly string[],
): Promise<Names> {
  const names: Names = new Map();
  for (const name of modules) {
    const target = parseTarget(name, isFile);
    const { result } = await importModule(findModule(target, lib));
    addNames(names, name, result);
  }
  return names;
}

async function loadInline(code: string, names: Names): Promise<LoadedApp> {
  const { result, handler } = await loadWithoutServing(
    "-e",
    () => runInline(code, names),
  );
  const value = handlerOrApp("-e", handler, result);
  if (value === undefined) {
    throw new LoadError(
      '-e gives no app: its code must be one expression, or end with "return".',
    );
  }
  return { app: appFromExport(value, {}, "-e"), title: "-e" };
}

async function loadNamed(
  spec: AppSpec,
  lib: readonly string[],
): Promise<LoadedApp> {
  const bundled = BUNDLED_APPS.has(spec.target.name);
  if (!bundled) allPairs(spec, null); // a wrong word is known before it loads
  const found = findModule(spec.target, lib);
  const value = defaultExport(await importModule(found), found.label);
  const word = bundled ? positionalOption(optionsOf(value)) : null;
  const pairs = allPairs(spec, word);
  const title = describeApp({ ...spec, pairs });
  if (!isComposer(value)) {
    return { app: appFromExport(value, pairs, found.label), title };
  }
  const composed = await value.compose(pairs, async (named) => {
    const part = parsePart(named, isFile);
    return (await loadNamed(part, lib)).app;
  });
  return { app: composed.toApp(), title };
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
): Promise<Loaded<object>> {
  try {
    return await loadWithoutServing(label, load);
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const advice = Deno.build.standalone
      ? executableAdvice(label, error, Deno.version.deno)
      : null;
    const sentence = `${label} could not be loaded.`;
    throw new LoadError(advice ? `${sentence} ${advice}` : sentence, error);
  }
}

/** The default export, or else the handler that the module wanted to serve. */
function defaultExport(
  { result: exports, handler }: Loaded<object>,
  label: string,
): unknown {
  const given = "default" in exports;
  const app = handlerOrApp(label, handler, given ? exports.default : undefined);
  if (given || app !== undefined) return app;
  const names = Object.keys(exports);
  const found = names.length === 0
    ? "It exports nothing, nor has it called Deno.serve by the end of its loading (await what comes before that call)."
    : `It exports ${names.slice(0, 8).join(", ")}.`;
  throw new LoadError(
    `${label} has no default export. ${found} What it must export as default is ${ACCEPTED}.`,
  );
}
