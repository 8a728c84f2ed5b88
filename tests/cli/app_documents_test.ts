/** The command lines of the pages about bundled apps are ones that run. */

import { parseAppSpec, parsePart } from "../../src/loader/app_spec.ts";
import { BUNDLED_APPS } from "../../src/loader/bundled_apps.ts";
import { lookUp } from "../../src/loader/find_module.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertGreater,
  assertStringIncludes,
} from "../../src/std/assert.ts";

const DOCS = new URL("../../docs/", import.meta.url);

type Pairs = Readonly<Record<string, string>>;

interface Bundled {
  new (options: Pairs): { toApp(): PagiApp };
  compose?(
    pairs: Pairs,
    load: (named: string) => Promise<PagiApp>,
  ): Promise<unknown>;
}

/** Makes the app, and what it is made of; apps of users are not there. */
async function make(name: string, options: Pairs): Promise<void> {
  // Files and folders of the reader's stand for some that are here.
  const pairs = {
    ...options,
    ..."root" in options ? { root: "." } : {},
    ..."ca_cert" in options ? { ca_cert: "README.md" } : {},
  };
  const load = BUNDLED_APPS.get(name);
  if (load === undefined) return assert(/^\.\//.test(name), name);
  const App = (await load() as { default: Bundled }).default;
  if (App.compose === undefined) return void new App(pairs).toApp();
  await App.compose(pairs, async (named) => {
    const part = parsePart(named, () => null);
    await make(part.target.name, part.pairs);
    return () => Promise.resolve();
  });
}

/** The commands of a page, without comments and shell quotes. */
function commands(page: string): string[][] {
  const lines = Deno.readTextFileSync(new URL(page, DOCS))
    .matchAll(/^(?: {4})?pagi-server (.*)$/gm);
  return [...lines].map(([, line]) =>
    [...line.replace(/\s#.*/, "").matchAll(/(?:"[^"]*"|'[^']*'|\S)+/g)]
      .map(([word]) => word.replace(/["']/g, ""))
  );
}

for (const page of ["apps.md", "directory.md", "file.md", "proxy.md"]) {
  Deno.test(`the commands of docs/${page} name options that there are`, async () => {
    let count = 0;
    for (const words of commands(page)) {
      const { positionals, action } = parseCommandLine(words, {});
      if (action !== "run") continue;
      const { target, pairs } = parseAppSpec(positionals, null, lookUp);
      try {
        await make(target.name, pairs);
      } catch (error) {
        throw new Error(`pagi-server ${words.join(" ")}`, { cause: error });
      }
      count++;
    }
    assertGreater(count, 0);
  });
}

Deno.test("docs/apps.md names every bundled app", () => {
  const page = Deno.readTextFileSync(new URL("apps.md", DOCS));
  for (const name of BUNDLED_APPS.keys()) {
    assertStringIncludes(page, `\`${name}\``);
  }
});
