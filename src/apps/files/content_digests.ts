/**
 * Files by what they contain.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { isTelling } from "../../http/etags.ts";
import type { OpenedFile } from "./document_root.ts";

/** How many digests are kept. */
const KEPT = 10_000;
const PIECE = 256 * 1024;
/** Milliseconds after which another write cannot have left the same times. */
const SETTLED = 2000;

/**
 * Digests of files, for entity tags where modification times mean nothing. A
 * digest is kept as long as the file at its place looks the same.
 */
export class ContentDigests {
  readonly #known = new Map<string, Promise<string>>();

  /** The digest of an open file, which may then be read from anywhere else. */
  of({ file, info }: OpenedFile): Promise<string> {
    const { dev, ino, size, mtime, ctime } = info;
    const key = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
    let digest = this.#known.get(key);
    if (digest === undefined) {
      digest = digestOfFile(file);
      const now = Date.now();
      const changed = (ctime ?? mtime)?.getTime() ?? null;
      if (!isTelling(changed, now) || now - changed <= SETTLED) return digest;
      digest.catch(() => this.#known.delete(key));
    }
    // The one used last is forgotten last.
    this.#known.delete(key);
    this.#known.set(key, digest);
    if (this.#known.size > KEPT) {
      this.#known.delete(this.#known.keys().next().value!);
    }
    return digest;
  }
}

/** The digest of what a file contains. */
export function digestOf(bytes: Uint8Array): string {
  return textOf(createHash("sha256").update(bytes));
}

async function digestOfFile(file: Deno.FsFile): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(PIECE);
  file.seekSync(0, Deno.SeekMode.Start);
  while (true) {
    const count = await file.read(buffer);
    if (count === null) break;
    hash.update(buffer.subarray(0, count));
  }
  file.seekSync(0, Deno.SeekMode.Start);
  return textOf(hash);
}

function textOf(hash: Hash): string {
  // 128 bits tell any two files apart.
  return hash.digest("base64url").slice(0, 22);
}
