/**
 * Takes indents, line breaks and comments out of the scripts of an executable,
 * for compile.sh: V8 reads them at each start, since it has no cache of them
 * there. Names stay and lines are short, so that traces of errors can be read.
 *
 *   deno run -A tools/compact.ts FOLDER ESBUILD_WASM
 *
 * @module
 */

import { initialize, transform } from "esbuild-wasm";
import { join } from "../src/std/path.ts";

const LINE_LENGTH = 100;

function* scripts(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* scripts(path);
    else if (name.endsWith(".js")) yield path;
  }
}

const [folder, compiler] = Deno.args;
const wasmModule = await WebAssembly.compile(Deno.readFileSync(compiler));
await initialize({ wasmModule, worker: false });
for (const path of scripts(folder)) {
  const { code } = await transform(Deno.readTextFileSync(path), {
    minifyWhitespace: true,
    lineLimit: LINE_LENGTH,
  });
  Deno.writeTextFileSync(path, code);
}
