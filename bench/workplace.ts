/**
 * The files that contenders serve, and the folder for those they write.
 *
 * @module
 */

import { cert, key } from "../tests/guard/certificate.ts";
import { join } from "../src/std/path.ts";

const BLOCK = new Uint8Array(1 << 20).map((_, index) => index * 31 >> 4);

/**
 * The time of files and folders: the server trusts none that has just changed,
 * as another change may come within the same tick of the clock.
 */
const LONG_AGO = new Date("2026-01-01T00:00:00Z");

/** The name of the file that `fill` makes for a number. */
export function fileName(index: number): string {
  return `file ${String(index).padStart(4, "0")}.txt`;
}

/** A folder of its own, removed when disposed of. */
export class Workplace implements Disposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "pagi-bench-" });
  /** What is served. */
  readonly site: string = join(this.folder, "site");
  readonly certificate: string = this.write("cert.pem", cert);
  readonly key: string = this.write("key.pem", key);
  /** The port of what the proxies stand before. */
  upstream = 0;
  #names = 0;

  constructor() {
    Deno.mkdirSync(this.site);
  }

  /** Writes a file of that many bytes into the site. */
  serve(name: string, size: number): void {
    const path = join(this.site, name);
    using file = Deno.openSync(path, {
      write: true,
      create: true,
      truncate: true,
    });
    for (let left = size; left > 0;) {
      left -= file.writeSync(BLOCK.subarray(0, left));
    }
    file.utimeSync(LONG_AGO, LONG_AGO);
  }

  /** Writes these bytes into the site. */
  serveBytes(name: string, bytes: Uint8Array): void {
    const path = join(this.site, name);
    Deno.writeFileSync(path, bytes);
    Deno.utimeSync(path, LONG_AGO, LONG_AGO);
  }

  /** Makes a folder of the site with so many files of a name each. */
  fill(folder: string, count: number): void {
    const path = join(this.site, folder);
    Deno.mkdirSync(path, { recursive: true });
    for (let i = 0; i < count; i++) {
      const name = fileName(i);
      this.serveBytes(join(folder, name), new TextEncoder().encode(name));
    }
    Deno.utimeSync(path, LONG_AGO, LONG_AGO);
  }

  /** The path of a file beside the site. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file beside the site; returns its path. */
  write(name: string, text: string): string {
    const path = this.path(name);
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** A path that nothing has yet. */
  fresh(name: string): string {
    return join(this.folder, `${++this.#names}-${name}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
