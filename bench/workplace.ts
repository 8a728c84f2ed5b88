/**
 * The files that contenders serve, and the folder for those they write.
 *
 * @module
 */

import { cert, key } from "../tests/guard/certificate.ts";
import { join } from "../src/std/path.ts";

/** How many files the listing shows. */
const LISTED = 1000;
const BLOCK = new Uint8Array(1 << 20).map((_, index) => index * 31 >> 4);

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
    Deno.mkdirSync(join(this.site, "many"), { recursive: true });
    for (let i = 0; i < LISTED; i++) {
      const name = `file ${String(i).padStart(4, "0")}.txt`;
      Deno.writeTextFileSync(join(this.site, "many", name), name);
    }
  }

  /** Writes a file of that many bytes into the site. */
  serve(name: string, size: number): void {
    using file = Deno.openSync(join(this.site, name), {
      write: true,
      create: true,
      truncate: true,
    });
    for (let left = size; left > 0;) {
      left -= file.writeSync(BLOCK.subarray(0, left));
    }
  }

  /** Writes a file beside the site; returns its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
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
