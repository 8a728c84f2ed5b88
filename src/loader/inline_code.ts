/**
 * The app given as code on the command line.
 *
 * @module
 */

import { LoadError } from "./load_error.ts";

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
 * Throws {@linkcode LoadError} when it cannot be parsed or throws.
 */
export async function runInline(code: string, names: Names): Promise<unknown> {
  const run = parse(code, [...names.keys()]);
  try {
    return await run(...names.values());
  } catch (error) {
    throw new LoadError("The code of -e failed.", error);
  }
}

function parse(code: string, names: string[]): Compiled {
  const expression = code.replace(/[;\s]+$/, "");
  try {
    // First, because an object such as `{ fetch }` also parses as a block.
    return compile(`return (${expression}\n)`, names);
  } catch {
    // No expression; perhaps statements.
  }
  try {
    return compile(code, names);
  } catch (error) {
    throw new LoadError(`The code of -e cannot be parsed: ${error}.`);
  }
}

/** On one line with `body`, so that stacks have the line numbers of the code. */
function compile(body: string, names: string[]): Compiled {
  return (0, eval)(
    `(async (${names}) => { "use strict"; ${body}\n})\n//# sourceURL=-e`,
  );
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
