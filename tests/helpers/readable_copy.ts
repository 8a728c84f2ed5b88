/**
 * The program where every user can read it: a clone, Deno and its packages may
 * lie in a home folder.
 *
 * @module
 */

import { basename, dirname, fromFileUrl, join } from "../../src/std/path.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const LOCK: { npm: Record<string, unknown> } = JSON.parse(
  Deno.readTextFileSync(join(ROOT, "deno.lock")),
);

/** The packages that a server may load, with those that they need. */
const PACKAGES = new Set(
  Object.keys(LOCK.npm)
    .map((key) => key.slice(0, key.lastIndexOf("@")))
    .filter((name) =>
      !["hono", "esbuild-wasm", "playwright-core"].includes(name)
    ),
);

/** A copy of this repository's files. Disposing of it removes it. */
export class ReadableCopy implements Disposable {
  readonly folder: string;
  /** Deno's executable. */
  readonly deno: string;
  /** What Deno must be told in its environment. */
  readonly env: Readonly<Record<string, string>>;

  /** @param paths What to copy of the repository: files and folders. */
  constructor(
    paths: readonly string[] = [
      "main.ts",
      "mod.ts",
      "deno.json",
      "deno.lock",
      "src",
    ],
  ) {
    this.folder = Deno.realPathSync(
      Deno.makeTempDirSync({ prefix: "pagi-copy-" }),
    );
    for (const path of paths) copy(join(ROOT, path), join(this.folder, path));
    const cache = join(this.folder, "deno_dir");
    // Only the program as a whole needs its packages.
    if (paths.includes("main.ts")) {
      const registries = join(denoDir(), "npm");
      for (const { name } of Deno.readDirSync(registries)) {
        for (const needed of PACKAGES) {
          const path = join(name, needed);
          if (!exists(join(registries, path))) continue;
          copy(join(registries, path), join(cache, "npm", path));
        }
      }
    }
    this.deno = Deno.execPath();
    if (!isPublic(this.deno)) {
      this.deno = join(this.folder, basename(this.deno));
      copy(Deno.execPath(), this.deno);
    }
    this.env = { DENO_DIR: cache, HOME: this.folder };
    Deno.chmodSync(this.folder, 0o755);
  }

  /** The command that starts the program. */
  get program(): readonly string[] {
    return [this.deno, "run", "-A", join(this.folder, "main.ts")];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

let whole: ReadableCopy | undefined;
Deno.test.afterAll(() => whole?.[Symbol.dispose]());

/** The copy of the whole program that the tests of a file share. */
export function readableProgram(): ReadableCopy {
  return whole ??= new ReadableCopy();
}

function copy(from: string, to: string): void {
  const { isDirectory, mode } = Deno.statSync(from);
  if (isDirectory) {
    Deno.mkdirSync(to, { recursive: true });
    Deno.chmodSync(to, 0o755);
    for (const { name } of Deno.readDirSync(from)) {
      copy(join(from, name), join(to, name));
    }
  } else {
    Deno.mkdirSync(dirname(to), { recursive: true });
    Deno.copyFileSync(from, to);
    Deno.chmodSync(to, mode! | 0o444);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function denoDir(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
  }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

function isPublic(path: string): boolean {
  const parent = dirname(path);
  return (Deno.statSync(path).mode! & 0o001) !== 0 &&
    (parent === path || isPublic(parent));
}
