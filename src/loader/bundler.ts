/**
 * The thread of an executable that bundles an app into one module.
 *
 * CommonJS modules are left to `require`, which reads them from disk.
 */

/// <reference lib="deno.worker" />

import * as esbuild from "esbuild-wasm";
import {
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  resolve,
  toFileUrl,
} from "../std/path.ts";
import type { Bundle, BundleRequest } from "./bundle.ts";
import { stampOf } from "./files.ts";
import { isCommonJs } from "./packages.ts";
import { ImportError, Resolver } from "./resolver.ts";
import { IMPORT, IMPORT_CALL, ownEntry } from "./sources.ts";

/** Keeps paths as they are in the source map. */
const SPACE = "app";
/**
 * Ends each path and hides its extension: esbuild treats the CommonJS imports
 * of `.mjs` files differently.
 */
const MARK = "#";

/** Marks a module that is required, not imported. */
const REQUIRED = "?require";
/** Those that an executable offers (`bundle.ts`). */
const OWN_ENTRIES = ["apps", "channels", "middleware", "types"];
/** How the bundle imports what is CommonJS (`require_from_disk.ts`). */
const PRELUDE =
  'const [$cjs, $own] = ["commonjs", "own"].map((name) => globalThis[Symbol.for("pagi-server." + name)]);';

// esbuild passes each message to itself by a timer of 0 ms, which Deno lets wait
// for milliseconds. There are thousands.
const { setTimeout } = globalThis;
Object.assign(globalThis, {
  setTimeout(run: () => void, ms: number) {
    return ms > 0 ? setTimeout(run, ms) : queueMicrotask(run);
  },
});

self.addEventListener("message", async ({ data }: MessageEvent) => {
  try {
    self.postMessage(await bundle(data));
  } catch (error) {
    self.postMessage({ fault: faultOf(error) });
  }
});

async function bundle({ name, isMain }: BundleRequest): Promise<Bundle> {
  const resolver = new Resolver();
  const compilerOptions = resolver.compilerOptions(dirname(resolve(name)));
  const files = new Map<string, string>();
  const own = new Set<string>();
  const options = {
    resolver,
    compilerOptions,
    files,
    own,
    main: isMain ? Deno.realPathSync(name) : null,
  };
  await esbuild.initialize({ wasmModule: await compiler(), worker: false });
  const { outputFiles } = await esbuild.build({
    entryPoints: [name],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "esnext",
    charset: "utf8",
    logLevel: "silent",
    sourcemap: "external",
    sourcesContent: false,
    outfile: "/app.js",
    banner: { js: PRELUDE },
    tsconfigRaw: { compilerOptions },
    plugins: [{
      name: "project",
      setup: (build) => connect(build, options),
    }],
  });
  const text = (end: string) =>
    outputFiles.find(({ path }) => path.endsWith(end))!.text;
  const map = JSON.parse(text(".map"));
  map.sources = map.sources.map((source: string) =>
    source.startsWith(`${SPACE}:`)
      ? toFileUrl(source.slice(SPACE.length + 1, -MARK.length)).href
      : source
  );
  return { code: text("app.js"), map: JSON.stringify(map), files, own };
}

const DECORATOR = /^\s*@\w+\(/m;
/** https://esbuild.github.io/content-types/#typescript-caveats */
const NO_METADATA =
  'needs the types of its parameters when it runs ("emitDecoratorMetadata" in its tsconfig.json), which an executable does not keep: name what the build of the project makes, such as dist/main.js, or run the app in a clone of the server.';

interface Options {
  readonly resolver: Resolver;
  readonly compilerOptions: Record<string, unknown>;
  /** Those that were read, with their stamps. */
  readonly files: Map<string, string>;
  /** What is imported of the server. */
  readonly own: Set<string>;
  /** The path of the program. */
  readonly main: string | null;
}

function connect(
  build: esbuild.PluginBuild,
  { resolver, compilerOptions, files, own, main }: Options,
): void {
  build.onResolve({ filter: /@pagi\/server/ }, ({ path }) => {
    const entry = ownEntry(path);
    if (entry === null) return undefined;
    if (OWN_ENTRIES.includes(entry)) {
      own.add(entry);
      return { path: entry, namespace: "own" };
    }
    const text =
      `An executable does not have ${path} for apps: run the app in a clone of the server, or with the server that deno install has installed.`;
    return { errors: [{ text }] };
  });
  build.onLoad({ filter: /.*/, namespace: "own" }, ({ path }) => ({
    contents: `module.exports = $own.${path};`,
  }));
  build.onResolve({ filter: /.*/ }, async ({ path, importer, kind }) => {
    try {
      const found = await resolver.resolve(
        path,
        importer === ""
          ? join(Deno.cwd(), "-e")
          : importer.slice(0, -MARK.length),
      );
      if (!isAbsolute(found)) return { path: found, external: true };
      const suffix = kind === "require-call" && isCommonJs(found)
        ? REQUIRED
        : "";
      return { path: found + MARK, namespace: SPACE, suffix };
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      // An app may do without what it asks for while it runs.
      return kind === "import-statement" || kind === "entry-point"
        ? { errors: [{ text: error.message }] }
        : { path, external: true };
    }
  });
  build.onLoad(
    { filter: /.*/, namespace: SPACE },
    ({ path: marked, suffix, with: how }) => {
      const path = marked.slice(0, -MARK.length);
      files.set(path, stampOf(path));
      if (how.type === "text") return { contents: read(path), loader: "text" };
      if (how.type === "bytes") {
        return { contents: Deno.readFileSync(path), loader: "binary" };
      }
      if (path.endsWith(".json")) {
        return {
          contents: read(path),
          loader: "json",
        };
      }
      if (isCommonJs(path)) {
        const value = suffix === REQUIRED ? '["module.exports"]' : "";
        return {
          contents: `module.exports = $cjs(${JSON.stringify(path)})${value};`,
        };
      }
      const text = read(path);
      if (
        compilerOptions.emitDecoratorMetadata && /\.[cm]?tsx?$/.test(path) &&
        DECORATOR.test(text)
      ) {
        return { errors: [{ text: `${path} ${NO_METADATA}` }] };
      }
      const isMain = path === main;
      return { contents: alone(text, path, isMain), loader: loaderOf(path) };
    },
  );
}

/** A literal name after `import(`. */
const LITERAL =
  /^\s*(?:\/\*.*?\*\/\s*)?(?:"[^"\n]*"|'[^'\n]*'|`[^`$]*`)\s*[,)]/;

/** The source of a file, so changed that it works inside of another. */
function alone(text: string, path: string, isMain: boolean): string {
  let plain = text.startsWith("#!") ? `//${text}` : text;
  plain = plain.replace(
    IMPORT_CALL,
    (call, at: number) =>
      LITERAL.test(plain.slice(at + call.length, at + call.length + 500))
        ? call
        : `globalThis.${IMPORT}($file,`,
  );
  if (plain.includes("($file,")) {
    plain = `const $file = ${JSON.stringify(path)};${plain}`;
  }
  // To Deno, naming the library says as well how it is used.
  if (plain.includes("@jsxImportSource")) {
    plain = `/** @jsxRuntime automatic */${plain}`;
  }
  if (!plain.includes("import.meta")) return plain;
  const url = toFileUrl(path).href;
  const meta = JSON.stringify({
    url,
    filename: fromFileUrl(url),
    dirname: fromFileUrl(new URL(".", url)).replace(/(.)[\\/]$/, "$1"),
    main: isMain,
  });
  return `const $meta = { ...${meta}, resolve: (name) => new URL(name, ${
    JSON.stringify(url)
  }).href };${plain.replace(/\bimport\.meta\b/g, "$meta")}`;
}

function loaderOf(path: string): esbuild.Loader {
  const [, end] = /\.[cm]?([jt]sx?)$/.exec(path) ?? [];
  return end === undefined ? "js" : end as esbuild.Loader;
}

function read(path: string): string {
  return Deno.readTextFileSync(path);
}

/** esbuild, as compile.sh has packed it. */
async function compiler(): Promise<WebAssembly.Module> {
  const packed = Deno.readFileSync(new URL("./esbuild.gz", import.meta.url));
  const stream = new Blob([packed]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return await WebAssembly.compile(await new Response(stream).bytes());
}

function faultOf(error: unknown): string {
  if (!(error instanceof Error) || !("errors" in error)) return String(error);
  const errors = error.errors as esbuild.Message[];
  return errors.map(({ text, location }) => {
    if (location === null) return text;
    const { file, line, column } = location;
    const path = file.slice(`${SPACE}:`.length, -MARK.length);
    return `${text}\n    at ${toFileUrl(path).href}:${line}:${column + 1}`;
  }).join("\n");
}
