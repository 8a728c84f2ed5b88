/** The app given as code on the command line. */

import { join, resolve, toFileUrl } from "../std/path.ts";
import { LoadError } from "./load_error.ts";
import { IMPORT_CALL } from "./sources.ts";

/** The names that the code of `-e` finds defined. */
export type Names = Map<string, unknown>;

type Compiled = (...values: unknown[]) => Promise<unknown>;

/**
 * Puts what a module of `-M` exports into `names`: each export under its own
 * name, the default export under the last word of the module's name (`File` for
 * `PAGI::App::File`, `greet` for `./lib/greet.ts`). Names that are no
 * identifiers are left out. A later module wins.
 */
export function addNames(
  names: Names,
  moduleName: string,
  exports: object,
): void {
  for (const [name, value] of Object.entries(exports)) {
    const own = name === "default" ? lastWord(moduleName) : name;
    if (isIdentifier(own)) names.set(own, value);
  }
}

/**
 * Runs the code of `-e` and yields its value, which is then taken like the
 * default export of a module. The code is JavaScript, in strict mode and with
 * `await`:
 *
 * - one expression: `-M PAGI::App::File -e 'new File({ root: "." })'`;
 * - or statements that end with `return`:
 *   `-M npm:hono -e 'const app = new Hono(); …; return app'`.
 *
 * Each of them may begin with `import` declarations. What it imports, it
 * imports as a file in the current directory would.
 *
 * Throws {@linkcode LoadError} when it cannot be parsed or throws.
 */
export async function runInline(code: string, names: Names): Promise<unknown> {
  const all = new Map<string, unknown>([["$import", importHere], ...names]);
  const text = Deno.build.standalone
    ? code.replace(IMPORT_CALL, "$import(")
    : code;
  const run = parse(text, [...all.keys()]);
  try {
    return await run(...all.values());
  } catch (error) {
    throw new LoadError("The code of -e failed.", error);
  }
}

/** Imports what `name` stands for in the current directory. */
export async function importHere(given: string | URL): Promise<object> {
  const name = String(given);
  if (Deno.build.standalone && !/^(?:node|data|blob):/.test(name)) {
    const { importBundled } = await import("./bundle.ts");
    return await importBundled(/^\.{0,2}\//.test(name) ? resolve(name) : name);
  }
  return await compile(
    `return import(${JSON.stringify(name)})`,
    [],
  )() as object;
}

const DECLARATION =
  /^\s*import\s*(?:(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*from\s*)?("[^"\n]+"|'[^'\n]+')(\s*with\s*\{[^}]*\})?[ \t]*(?:;|\n|$)/;

/** The declarations at the beginning of `code` as calls, on its first line. */
function withCalls(code: string): [calls: string, rest: string] {
  let calls = "";
  let rest = code;
  for (let found; (found = DECLARATION.exec(rest)) !== null;) {
    const [all, main, whole, named, name] = found;
    const given = `await $import(${name})`;
    if (whole !== undefined) calls += `const ${whole} = ${given};`;
    const pattern = [
      ...main === undefined ? [] : [`default: ${main}`],
      ...named === undefined ? [] : [named.replace(/\sas\s/g, " : ")],
    ].join(", ");
    calls += `const { ${pattern} } = ${given};`;
    rest = "\n".repeat(all.split("\n").length - 1) + rest.slice(all.length);
  }
  return [calls, rest];
}

function parse(code: string, names: string[]): Compiled {
  const [calls, rest] = withCalls(code);
  const expression = rest.replace(/[;\s]+$/, "");
  try {
    // First, because an object such as `{ fetch }` also parses as a block.
    return compile(`${calls}return (${expression}\n)`, names);
  } catch {
    // No expression; perhaps statements.
  }
  try {
    return compile(calls + rest, names);
  } catch (error) {
    throw new LoadError(`The code of -e cannot be parsed: ${error}.`);
  }
}

/**
 * A function with `body`, on one line with it, so that stacks have the line
 * numbers of the code.
 */
function compile(body: string, names: string[]): Compiled {
  const code = `(async (${names}) => { "use strict"; ${body}\n})`;
  // Node's modules take a tenth of a second.
  if (!body.includes("import")) return (0, eval)(`${code}\n//# sourceURL=-e`);
  // Its `import()` is that of a file in the current directory.
  const vm = globalThis.process.getBuiltinModule("node:vm");
  return vm.runInThisContext(code, {
    filename: toFileUrl(join(Deno.cwd(), "-e")).href,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

/** `File` of `PAGI::App::File`, `greet` of `./greet.ts`, `x` of `npm:@a/x@1.2`. */
function lastWord(moduleName: string): string {
  const part = moduleName.split(/[/:]/).findLast((part) => part !== "") ?? "";
  return part.replace(/[.@?#].*$/, "");
}

/** Names that can be parameters; `delete` or `a-b` can be exported, too. */
function isIdentifier(name: string): boolean {
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name)) return false;
  try {
    return Boolean(compile("", [name]));
  } catch {
    return false;
  }
}
