/**
 * Apps that are programs: they start their server only as the main module, read
 * arguments, or change the working directory.
 */

import { node } from "../std/node.ts";
import { dirname, resolve, toFileUrl } from "../std/path.ts";
import { LoadError } from "./load_error.ts";
import { asksForMain } from "./sources.ts";

/** Undoes what was done for one load. */
type Undo = () => void;

/**
 * Loads the module at `path` as the main module, without arguments, if its
 * source or that of the files that it imports (`others`) depends on that.
 *
 * @param load Imports it.
 */
export async function loadAsMain(
  path: string,
  [text = "", ...others]: readonly string[],
  load: (isMain: boolean) => Promise<object>,
): Promise<object> {
  const file = resolve(path);
  const undo: Undo[] = [];
  if ([text, ...others].some((text) => READS_ARGUMENTS.test(text))) {
    undo.push(hideArguments(file));
  }
  if (/\bchdir\b/.test(text)) allowStay();
  if (MAIN_OF_COMMONJS.test(text)) undo.push(markRequired(file));
  const isMain = asksForMain(text);
  const mark = isMain && !Deno.build.standalone
    ? await markImported(file, text)
    : () => {};
  if (mark !== null) undo.push(mark);
  try {
    const exports = await load(isMain);
    if (mark !== null || Object.keys(exports).length > 0) return exports;
    throw new LoadError(
      `${path} starts its server only where import.meta.main is true, which takes Deno 2.9 or newer here, with the permission to run deno. Have it export its handler as default, or call Deno.serve in any case.`,
    );
  } finally {
    undo.forEach((stop) => stop());
  }
}

const MAIN_OF_COMMONJS = /\bmodule\.parent\b|\brequire\.main\b/;
const READS_ARGUMENTS = /\bDeno\.args\b|\bargv\b/;

/** Hides the arguments of the server, and names the app as the program. */
function hideArguments(file: string): Undo {
  globalThis.process.argv.splice(1, Infinity, file);
  const own = Object.getOwnPropertyDescriptor(Deno, "args")!;
  Object.defineProperty(Deno, "args", { configurable: true, value: [] });
  return () => Object.defineProperty(Deno, "args", own);
}

/** In a worker, `process.chdir()` fails even where it changes nothing. */
function allowStay(): void {
  const { process } = globalThis;
  const { chdir } = process;
  process.chdir = (folder) => {
    if (resolve(folder) !== Deno.cwd()) chdir(folder);
  };
}

/** The part of Node's module system that its types omit. */
interface Loads {
  _load(request: string, parent: unknown, isMain: boolean): unknown;
}

/**
 * Makes the CommonJS module `file` `require.main`, without a `module.parent`.
 */
function markRequired(file: string): Undo {
  const system = node("node:module") as unknown as Loads;
  const own = system._load;
  const real = Deno.realPathSync(file);
  system._load = function (request, parent, isMain) {
    return request === real || request === file
      ? own.call(this, request, null, true)
      : own.call(this, request, parent, isMain);
  };
  return () => system._load = own;
}

/**
 * Makes `import.meta.main` true in the ES module `file`, by a statement in
 * front; null where that is impossible. In an executable the bundler does it.
 */
async function markImported(file: string, text: string): Promise<Undo | null> {
  const { registerHooks } = node("node:module");
  const code = await compiled(file, text);
  // Deno before 2.8.3 has no hooks.
  if (registerHooks === undefined || code === null) return null;
  const url = toFileUrl(file).href;
  const hooks = registerHooks({
    load(loaded) {
      // Without a source, it is loaded as if there were no hook.
      if (loaded !== url) return { ...HOOKED, source: undefined };
      hooks.deregister();
      const source = `import.meta.main = true;${code.replace(/^#!/, "//")}`;
      return { ...HOOKED, source };
    },
  });
  return () => hooks.deregister();
}

const HOOKED = { format: "module", shortCircuit: true };

/** The module as JavaScript, as hooks must return it; null where that fails. */
async function compiled(file: string, text: string): Promise<string | null> {
  if (/\.m?js$/.test(file)) return text;
  try {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["transpile", "--quiet", "--source-map", "inline", file],
      cwd: dirname(file),
      stdin: "null",
      stderr: "null",
    }).output();
    return code === 0 ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null;
  }
}
