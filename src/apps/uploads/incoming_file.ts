/** Receives a file: completely, or not at all. */

import { concat } from "../../std/bytes.ts";
import { quote } from "../../options/option_error.ts";
import {
  FILE_DESCRIPTORS,
  heldDescriptors,
} from "../../system/descriptor_budget.ts";
import { readDirectory } from "../../system/file_names.ts";
import {
  type OpenedDirectory,
  UNFINISHED_PREFIX,
} from "../files/document_root.ts";
import { refusalOf, WriteRefused } from "./refusal.ts";

/** What happens to a file with the name of another. */
export type Overwrite = "0" | "1" | "rename";

/**
 * Bytes that are written at once: bodies come in chunks of a few kilobytes, and
 * each write takes a switch to another thread.
 */
const WRITE_BYTES = 256 * 1024;
/** Bytes that may wait for a write before nothing more is read. */
const MAX_WAITING = 4 << 20;
/** Names that are tried for a file whose own name is taken. */
const MAX_NAMES = 1000;
/** Milliseconds after its last change when an unfinished file is a leftover. */
export const LEFTOVER_MS = 60 * 60 * 1000;

/**
 * Receives a file into a folder. Its bytes go to a temporary file beside it,
 * which is hidden from readers, and renamed when it is complete. Dispose of it in
 * the end: a file that was not kept is removed.
 */
export class IncomingFile implements AsyncDisposable {
  /** Bytes so far. */
  size = 0;
  readonly #folder: OpenedDirectory;
  readonly #name: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #descriptors: Disposable;
  #kept = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  /**
   * @param folder Stays open until the file is disposed of.
   * @param name For messages.
   */
  constructor(folder: OpenedDirectory, name: string) {
    this.#folder = folder;
    this.#name = name;
    const random = crypto.randomUUID();
    this.#path = `${folder.path}/${UNFINISHED_PREFIX}${random}`;
    this.#descriptors = heldDescriptors(FILE_DESCRIPTORS);
    try {
      // No link is followed, and nothing is replaced (O_EXCL).
      this.#file = Deno.openSync(this.#path, { write: true, createNew: true });
    } catch (error) {
      this.#descriptors[Symbol.dispose]();
      throw refusalOf(error, name);
    }
  }

  /**
   * Adds bytes. They are written once there are enough, while more are received:
   * Deno 2.9 loses milliseconds per chunk of a body that is not being read.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.size += chunk.length;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= (this.#isWriting ? MAX_WAITING : WRITE_BYTES)) {
      await this.#flush();
    }
  }

  /** Begins to write what waits, after what is being written. */
  async #flush(): Promise<void> {
    await this.#writing;
    const bytes = concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writing = this.#writeAll(bytes);
    // The next write, or `keep`, rejects with a failure.
    this.#writing.catch(() => {});
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    this.#isWriting = true;
    try {
      await writeAll(this.#file, bytes);
    } catch (error) {
      throw refusalOf(error, this.#name);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * Gives the file its name.
   *
   * @returns its name, and whether it has replaced nothing
   * @throws {WriteRefused} 409 where the name is taken and `overwrite` is "0".
   */
  async keep(
    name: string,
    overwrite: Overwrite,
  ): Promise<{ name: string; created: boolean }> {
    await this.#flush();
    await this.#writing;
    try {
      // Some file systems report a full disk only now; and a sender may delete
      // its own copy after the response.
      await this.#file.syncData();
      const target = (tried: string) => `${this.#folder.path}/${tried}`;
      if (overwrite === "1") {
        const created = !this.#takeMode(target(name));
        Deno.renameSync(this.#path, target(name));
        this.#kept = true;
        return { name, created };
      }
      const tries = overwrite === "rename" ? MAX_NAMES : 1;
      for (let i = 0; i < tries; i++) {
        const tried = i === 0 ? name : numbered(name, i);
        if (renameToFree(this.#path, target(tried))) {
          this.#kept = true;
          return { name: tried, created: true };
        }
      }
    } catch (error) {
      throw refusalOf(error, name);
    }
    throw nameTaken(name);
  }

  /** Takes over the permissions of the file that it replaces. */
  #takeMode(path: string): boolean {
    try {
      const { isFile, isDirectory, mode } = Deno.lstatSync(path);
      if (isDirectory) {
        throw new WriteRefused(409, `${quote(this.#name)} is a folder.`);
      }
      if (isFile && mode !== null) Deno.chmodSync(this.#path, mode & 0o777);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => {});
    this.#file.close();
    this.#descriptors[Symbol.dispose]();
    if (this.#kept) return;
    try {
      Deno.removeSync(this.#path);
    } catch {
      // Its folder may be gone.
    }
  }
}

/** Writes all of `bytes`: write(2) may write fewer. */
export async function writeAll(
  file: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** The refusal of a file or folder whose name is taken. */
export function nameTaken(name: string): WriteRefused {
  return new WriteRefused(
    409,
    `${
      quote(name)
    } already exists, and replacing it is not allowed here; rename or delete it first, or choose another name.`,
  );
}

/**
 * Renames a file, which replaces nothing; false where `to` exists. A second
 * name is given and the first removed, since rename(2) would replace.
 */
export function renameToFree(from: string, to: string): boolean {
  try {
    Deno.linkSync(from, to);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    const { code = "" } = error as { code?: string };
    // A folder, a file of another user, or a file system without hard links.
    if (!/^(?:EPERM|EOPNOTSUPP|ENOTSUP|ENOSYS|EMLINK)$/.test(code)) throw error;
    if (isThere(to)) return false;
    Deno.renameSync(from, to);
    return true;
  }
  Deno.removeSync(from);
  return true;
}

/** Whether anything is at `path`, even a broken link. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** `photo.jpg` as `photo (1).jpg`. */
function numbered(name: string, number: number): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0
    ? `${name} (${number})`
    : `${name.slice(0, dot)} (${number})${name.slice(dot)}`;
}

/** Removes unfinished files of a crash from a folder. */
export function removeLeftovers({ path }: OpenedDirectory): void {
  const now = Date.now();
  for (const entries of readDirectory(path)) {
    for (const { name } of entries) {
      if (!name.startsWith(UNFINISHED_PREFIX)) continue;
      const left = `${path}/${name}`;
      try {
        const { mtime } = Deno.lstatSync(left);
        if (now - (mtime?.getTime() ?? now) > LEFTOVER_MS) {
          Deno.removeSync(left, { recursive: true });
        }
      } catch {
        // It is no longer there, or not ours.
      }
    }
  }
}
