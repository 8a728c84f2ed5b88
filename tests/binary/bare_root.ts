/**
 * A root folder that holds an executable, the C library and nothing else.
 *
 * @module
 */

import { basename, dirname, join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** Where {@linkcode BareRoot} works: it takes root and Linux. */
export const HAS_CHROOT: boolean = Deno.build.os === "linux" &&
  Deno.uid() === 0;

/** The folder, with more `files` by path. Disposing of it removes it. */
export class BareRoot implements Disposable {
  readonly folder: string = tempFolder("pagi-root-");
  /** The path of the executable in there. */
  readonly executable: string;

  constructor(executable: string, files: Readonly<Record<string, string>>) {
    this.executable = `/${basename(executable)}`;
    this.#copy(executable, this.executable);
    // There is no /proc, but this is where the program looks up its own file.
    Deno.mkdirSync(join(this.folder, "proc/self"), { recursive: true });
    Deno.symlinkSync(this.executable, join(this.folder, "proc/self/exe"));
    for (const library of libraries(executable)) this.#copy(library, library);
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      Deno.writeTextFileSync(join(this.folder, path), text);
    }
  }

  /** Shell code that runs the command behind it in this root. */
  get shell(): string {
    return `exec chroot '${this.folder}' "$@"`;
  }

  #copy(from: string, to: string): void {
    Deno.mkdirSync(dirname(join(this.folder, to)), { recursive: true });
    Deno.copyFileSync(from, join(this.folder, to));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** The C library, libgcc_s and the loader, wherever they lie here. */
function libraries(executable: string): string[] {
  const { stdout } = new Deno.Command("ldd", { args: [executable] })
    .outputSync();
  const paths = new TextDecoder().decode(stdout).matchAll(/\s(\/\S+) \(/g);
  return [...paths].map(([, path]) => path);
}
