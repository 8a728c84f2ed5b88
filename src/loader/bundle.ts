/**
 * Bundles the apps of an executable that import more than JavaScript files.
 *
 * An executable resolves imports as at its compilation, and old ones cannot
 * read TypeScript. So esbuild bundles such an app into one module first, in a
 * thread of its own, whose memory is freed afterwards.
 */

import { log } from "../log/log.ts";
import { isAbsolute, resolve, toFileUrl } from "../std/path.ts";
import { startThread } from "../std/thread.ts";
import { stampOf } from "./files.ts";
import { LoadError } from "./load_error.ts";
import { isCommonJs } from "./packages.ts";
import { importedNames, localSources, ownEntry } from "./sources.ts";

/** The answer of the thread: a module, or the fault of the app. */
export type Bundle =
  | {
    readonly code: string;
    readonly map: string;
    /** The files that it was made of, with their stamps of then. */
    readonly files: ReadonlyMap<string, string>;
    /** What it needs of {@linkcode OWN_ENTRIES}. */
    readonly own: ReadonlySet<string>;
  }
  | { readonly fault: string };

/** What the thread is asked for. */
export interface BundleRequest {
  /** A path, or what a file in the current directory may import. */
  readonly name: string;
  /** Whether `import.meta.main` is true in it. */
  readonly isMain: boolean;
}

/** The first Deno whose executables run TypeScript from disk. */
const RUNS_TYPESCRIPT = "2.8.2";

/**
 * Whether this executable cannot import the module at `path` as it is.
 */
export function needsBundle(path: string): boolean {
  const isOld = sortable(Deno.version.deno) < sortable(RUNS_TYPESCRIPT);
  const plain = isOld ? /\.m?js$/ : /\.m?[jt]s$/;
  const canImport = (name: string): boolean =>
    /^(?:node:|data:)/.test(name) ||
    /^(?:file:|\.{0,2}\/)/.test(name) && plain.test(name);
  return localSources(resolve(path)).some(({ path, text }) =>
    !plain.test(path) || isCommonJs(path) ||
    !importedNames(text).every(canImport) ||
    /\btype:\s*["']text["']/.test(text)
  );
}

/** A version as a number; comparing texts as numbers takes 30 ms once. */
function sortable(version: string): number {
  return version.split(".").reduce(
    (sum, part) => sum * 1e3 + parseInt(part),
    0,
  );
}

/** What apps of an executable may import of the server, by its last word. */
const OWN_ENTRIES: Readonly<Record<string, () => Promise<object>>> = {
  apps: () => import("../apps/mod.ts"),
  channels: () => import("../channels/mod.ts"),
  middleware: () => import("../middleware/mod.ts"),
  types: () => Promise.resolve({}),
};

/** Those that were imported, where bundles find them. */
const own: Record<string, object> = {};
Object.defineProperty(globalThis, Symbol.for("pagi-server.own"), {
  value: own,
});

/**
 * Imports a module with all that it imports.
 *
 * @param name Its path, or what a file in the current directory may import.
 * @param isMain Whether `import.meta.main` is true in it.
 *
 * @throws {LoadError} When something that it imports is not there.
 */
export async function importBundled(
  name: string,
  isMain = false,
): Promise<object> {
  const { commonJs, requireFromDisk } = await import("./require_from_disk.ts");
  requireFromDisk(importFrom);
  const entry = OWN_ENTRIES[ownEntry(name) ?? ""];
  if (entry !== undefined) return await entry();
  if (isAbsolute(name) && isCommonJs(name)) return commonJs(name);
  const bundle = await makeBundle({ name, isMain });
  if ("fault" in bundle) {
    throw new LoadError(`${name} could not be loaded. ${bundle.fault}`);
  }
  for (const entry of bundle.own) own[entry] ??= await OWN_ENTRIES[entry]();
  const source =
    `${bundle.code}\n//# sourceMappingURL=data:application/json;base64,${
      base64(bundle.map)
    }`;
  return await import(`data:text/javascript;base64,${base64(source)}`);
}

const imported = new Map<string, Promise<object>>();

/** What `import(given)` in the module at `importer` gives. */
async function importFrom(
  importer: string,
  given: string | URL,
): Promise<object> {
  const name = String(given);
  if (/^(?:data|blob):/.test(name)) return await import(name);
  const { Resolver } = await import("./resolver.ts");
  const path = await new Resolver().resolve(name, importer);
  if (!isAbsolute(path)) return await import(path);
  let module = imported.get(path);
  if (module === undefined) {
    module = needsBundle(path)
      ? importBundled(path)
      : import(toFileUrl(path).href);
    imported.set(path, module);
  }
  return await module;
}

/** What a worker asks the main thread for, and where it waits for the answer. */
export interface BundleQuestion {
  readonly request: BundleRequest;
  readonly port: MessagePort;
}

/** Workers ask the main thread, so that they share one bundle. */
function makeBundle(request: BundleRequest): Promise<Bundle> {
  if (!("WorkerGlobalScope" in globalThis)) return inThread(request);
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<Bundle>((resolve) => {
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
  });
  const question: BundleQuestion = { request, port: port2 };
  const thread = globalThis as unknown as Pick<Worker, "postMessage">;
  thread.postMessage({ type: "bundle", ...question }, [port2]);
  return answer;
}

interface Shared {
  readonly bundle: Promise<Bundle>;
  /** Null while it is being made. */
  made: Bundle | null;
}

const shared = new Map<string, Shared>();

/** Answers a worker, with a bundle that others got unless a file has changed. */
export async function answerWorker(
  { request, port }: BundleQuestion,
): Promise<void> {
  const key = JSON.stringify(request);
  let entry = shared.get(key);
  if (entry === undefined || entry.made !== null && !isCurrent(entry.made)) {
    entry = { bundle: inThread(request), made: null };
    shared.set(key, entry);
  }
  entry.made = await entry.bundle;
  port.postMessage(entry.made);
}

function isCurrent(bundle: Bundle): boolean {
  return !("fault" in bundle) &&
    bundle.files.entries().every(([path, stamp]) => stampOf(path) === stamp);
}

function inThread(request: BundleRequest): Promise<Bundle> {
  const begun = performance.now();
  const { promise, resolve } = Promise.withResolvers<Bundle>();
  const thread = startThread("loader/bundler", "bundler", {
    message: resolve,
    error: (message) => resolve({ fault: `The bundler failed: ${message}` }),
  });
  thread.postMessage(request);
  return promise.finally(() => {
    thread.terminate();
    const ms = Math.round(performance.now() - begun);
    log.debug(`${request.name} was bundled in ${ms} ms.`);
  });
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return bytes.toBase64();
}
