/**
 * What is loaded together with a module.
 *
 * @module
 */

import { fromFileUrl } from "../../src/std/path.ts";

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier: string };
  }[];
}

/**
 * The URLs of the module at `path`, from the project's root, and of all that it
 * imports; not of what is imported while it runs.
 */
export async function loadedModules(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", path],
    cwd: fromFileUrl(new URL("../../", import.meta.url)),
  }).output();
  const { modules, roots }: {
    modules: readonly Module[];
    roots: readonly string[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const loaded = new Set<string>(roots);
  for (const specifier of loaded) {
    const module = modules.find((other) => other.specifier === specifier);
    for (const { isDynamic, code } of module?.dependencies ?? []) {
      if (!isDynamic && code !== undefined) loaded.add(code.specifier);
    }
  }
  return [...loaded];
}
