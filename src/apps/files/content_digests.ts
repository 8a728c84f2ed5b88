/**
 * Files by what they contain.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { isTelling } from "../../http/etags.ts";
import type { Departure } from "./departure.ts";
import type { OpenedFile } from "./document_root.ts";
import { Abandoned } from "./turns.ts";

/** How many digests are kept. */
const KEPT = 10_000;
/** Bytes that are read at a time. */
const PIECE = 256 * 1024;
/** Milliseconds after which another write cannot have left the same times. */
const SETTLED = 2000;

/** A digest that is made, or has been made. */
interface Digest {
  /** How many clients wait for it; it is given up when none does. */
  waiting: number;
  readonly text: Promise<string>;
}

/**
 * Digests of files, for entity tags where modification times mean nothing. A
 * digest is kept as long as the file at its place looks the same.
 */
export class ContentDigests {
  readonly #known = new Map<string, Digest>();

  /**
   * The digest of an open file, as far as the size goes that its head was read
   * with: what a log has gained since is not in the response either. The file
   * may then be read from anywhere else.
   *
   * @returns null when the client left before
   */
  async of(
    { file, info }: OpenedFile,
    client: Departure,
  ): Promise<string | null> {
    const { dev, ino, size, mtime, ctime } = info;
    const key = [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
    const known = this.#known.get(key);
    const digest = known ?? this.#begin(key, file, size);
    // The one used last is forgotten last.
    this.#known.delete(key);
    const now = Date.now();
    const changed = (ctime ?? mtime)?.getTime() ?? null;
    if (isTelling(changed, now) && now - changed > SETTLED) {
      this.#known.set(key, digest);
    }
    if (this.#known.size > KEPT) {
      this.#known.delete(this.#known.keys().next().value!);
    }
    digest.waiting++;
    try {
      return await Promise.race([digest.text, client.promise]) ?? null;
    } finally {
      digest.waiting--;
      // The file of the request that began is read until nobody waits.
      if (known === undefined) await digest.text.catch(() => {});
    }
  }

  #begin(key: string, file: Deno.FsFile, size: number): Digest {
    const forget = () => {
      if (this.#known.get(key) === digest) this.#known.delete(key);
    };
    const read = async () => {
      const hash = createHash("sha256");
      const buffer = new Uint8Array(Math.min(PIECE, size));
      file.seekSync(0, Deno.SeekMode.Start);
      for (let left = size; left > 0;) {
        const piece = buffer.subarray(0, Math.min(left, buffer.length));
        const count = await file.read(piece);
        if (digest.waiting === 0) {
          // Before anybody can join it.
          forget();
          throw new Abandoned();
        }
        if (count === null) break;
        hash.update(piece.subarray(0, count));
        left -= count;
      }
      return textOf(hash);
    };
    const digest: Digest = {
      waiting: 0,
      text: Promise.resolve().then(read).catch((error) => {
        forget();
        throw error;
      }),
    };
    return digest;
  }
}

/** The digest of what a file contains. */
export function digestOf(bytes: Uint8Array): string {
  return textOf(createHash("sha256").update(bytes));
}

function textOf(hash: Hash): string {
  // 128 bits tell any two files apart.
  return hash.digest("base64url").slice(0, 22);
}
