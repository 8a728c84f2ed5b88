/**
 * Small files that were asked for lately.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { isSettled } from "../../http/etags.ts";
import type { Departure } from "./departure.ts";
import type { DocumentRoot, Opened, OpenedFile } from "./document_root.ts";
import { FileLook, isSameVersion } from "../../system/file_look.ts";
import { isAscii } from "./request_path.ts";
import { readSmallFile, readSmallFileSlowly } from "./small_file.ts";
import type { SmallFile } from "./small_file.ts";

/** Bytes that all files in memory may take together. */
const CAPACITY = 32 * 1024 * 1024;
/** Bytes that one takes beside its content and what that may shrink to. */
const OVERHEAD = 1024;
/**
 * Milliseconds for which a look at a file is enough. Then it is opened and
 * read again: a folder above it may be elsewhere now, and what writes through
 * memory leaves no time.
 */
const TRUSTED = 1000;

/** A file in memory. */
export interface KeptFile {
  readonly file: SmallFile;
  /** At where it was found. */
  readonly look: FileLook;
  /** Since when a look is enough, in milliseconds since 1970. */
  readonly since: number;
  /** Bytes that it takes. */
  readonly weight: number;
}

/**
 * Opens files beneath a root, and keeps small ones in memory. Each is looked
 * at before it is given out again, so a change shows at once.
 */
export class FileCache {
  readonly #root: DocumentRoot;
  readonly #capacity: number;
  /** By path beneath the root, those read last at the end. */
  readonly #entries = new Map<string, KeptFile>();
  #bytes = 0;

  constructor(root: DocumentRoot, capacity: number = CAPACITY) {
    this.#root = root;
    this.#capacity = capacity;
  }

  /** Bytes that the files in memory take, rather more than less. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As {@linkcode DocumentRoot.open}, but small files are in memory. */
  open(path: string): Opened | SmallFile {
    const entry = this.#entries.get(path);
    if (entry === undefined) return this.#read(path, null);
    if (isCurrent(entry)) return entry.file;
    this.#remove(path, entry);
    return this.#read(path, entry.file);
  }

  /**
   * What {@linkcode open} does for a file that it gave out because reading it
   * may block; see {@linkcode readSmallFileSlowly}.
   */
  async readSlowly(
    path: string,
    opened: OpenedFile,
    client: Departure,
  ): Promise<OpenedFile | SmallFile | "busy" | "left"> {
    const now = Date.now();
    const file = await readSmallFileSlowly(opened, client);
    if (file === null) return opened;
    return typeof file === "string" ? file : this.#keep(path, file, null, now);
  }

  /**
   * The file at the path of a request, as a scope has it; null unless it is in
   * memory. What is hidden is not found. Whether it {@linkcode isCurrent} is
   * still to be asked.
   */
  kept(path: string): KeptFile | null {
    if (!path.startsWith("/") || path.includes("/.")) return null;
    const entry = this.#entries.get(path.slice(1));
    // Beyond ASCII, it is still to be found out what the path means.
    return entry !== undefined && isAscii(path) ? entry : null;
  }

  #read(path: string, known: SmallFile | null): Opened | SmallFile {
    const now = Date.now();
    const opened = this.#root.open(path);
    if (typeof opened === "number" || opened.kind === "folder") return opened;
    const file = opened.mayBlock ? null : readSmallFile(opened);
    if (file === null) return opened;
    opened[Symbol.dispose]();
    return this.#keep(path, file, known, now);
  }

  /** @param now When the file was opened. */
  #keep(
    path: string,
    file: SmallFile,
    known: SmallFile | null,
    now: number,
  ): SmallFile {
    // Another change could leave the same times, of which this one is in
    // whole seconds and cannot be set.
    const { ctime } = file.info;
    if (
      !file.stable || ctime === null || !isSettled(ctime.getTime(), now)
    ) return file;
    const kept = known !== null && isSameFile(known, file) ? known : file;
    this.#add(path, {
      file: kept,
      look: new FileLook(this.#root.pathOf(path), file.info),
      since: now,
      weight: 2 * (kept.bytes.length + path.length) + OVERHEAD,
    });
    return kept;
  }

  #add(path: string, entry: KeptFile): void {
    this.#entries.set(path, entry);
    this.#bytes += entry.weight;
    // They are read again and again while they are asked for: the first ones
    // are those that nobody asked for lately.
    for (const [first, oldest] of this.#entries) {
      if (this.#bytes <= this.#capacity) break;
      this.#remove(first, oldest);
    }
  }

  #remove(path: string, entry: KeptFile): void {
    this.#entries.delete(path);
    this.#bytes -= entry.weight;
  }
}

/** Tells, by a look at it, whether a file is still as it is in memory. */
export function isCurrent({ look, since }: KeptFile): boolean {
  const age = Date.now() - since;
  // The clock may have been set back.
  return age >= 0 && age < TRUSTED && look.isSame();
}

function isSameFile(a: SmallFile, b: SmallFile): boolean {
  return isSameVersion(a.info, b.info) &&
    Buffer.compare(a.bytes, b.bytes) === 0;
}
