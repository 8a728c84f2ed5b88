/** The imports of an app's files, found in their text. */

import { dirname, join } from "../std/path.ts";
import { existing } from "./packages.ts";

/** A file of an app. */
interface Source {
  readonly path: string;
  readonly text: string;
}

const MODULE = /\.[mc]?[jt]sx?$/;

/**
 * Yields the module at `path`, and those that it imports or requires by
 * relative paths; what cannot be read is left out.
 */
export function* localSources(
  path: string,
  seen: Set<string> = new Set(),
): Generator<Source> {
  if (seen.has(path)) return;
  seen.add(path);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch {
    return;
  }
  yield { path, text };
  for (const name of importedNames(text)) {
    if (!/^\.{1,2}(?:\/|$)/.test(name)) continue;
    const file = existing(join(dirname(path), name));
    if (file !== null && MODULE.test(file)) yield* localSources(file, seen);
  }
}

/** Whether an ES module asks whether it is that of the command line. */
export function asksForMain(text: string): boolean {
  return /\bimport\.meta\.main\b/.test(text);
}

/** The last word of `@pagi/server/channels`; null of other names. */
export function ownEntry(name: string): string | null {
  const [, entry] =
    /^(?:(?:jsr:|npm:)\/?)?@pagi\/server(?:@[^/]+)?(?:$|\/)(.*)$/.exec(name) ??
      [];
  return entry ?? null;
}

/**
 * Replaces `import()` in CommonJS, and elsewhere if the name is computed at run
 * time: the engine's own reads embedded files.
 */
export const IMPORT = "$pagiImport";

/** The beginning of `import(name)`, but not of a method of that name. */
export const IMPORT_CALL = /(?<![.\w$])import\s*\((?!\s*\)|[^()]*\)\s*\{)/g;

/** What a module most likely imports; comments and strings may add to it. */
export function importedNames(text: string): string[] {
  return [
    ...text.matchAll(/\b(?:from|import|require)\s*\(?\s*(["'`])([^"'`\n]+)\1/g),
  ].map((match) => match[2]);
}
