/**
 * Changes beneath a document root: files stored, folders made, names changed,
 * things deleted.
 *
 * The folder of a change is opened as for reading, so that no path or link
 * leads out of the root, and everything happens in that very folder, whatever
 * becomes of its path meanwhile. No link at the last name is followed.
 */

import { mediaTypeOf } from "../../http/content_type.ts";
import { quote } from "../../options/option_error.ts";
import { exchangeNames } from "../../system/file_names.ts";
import {
  type DocumentRoot,
  type OpenedDirectory,
  UNFINISHED_PREFIX,
} from "../files/document_root.ts";
import {
  IncomingFile,
  isThere,
  LEFTOVER_MS,
  nameTaken,
  type Overwrite,
  removeLeftovers,
  renameToFree,
} from "./incoming_file.ts";
import { refusalOf, refusing, WriteRefused } from "./refusal.ts";

/** What may be changed. */
export interface WriteSettings {
  readonly root: DocumentRoot;
  /** Take files. */
  readonly upload: boolean;
  readonly overwrite: Overwrite;
  /** Bytes of one file; 0 for any number. */
  readonly uploadLimit: number;
  /** Extensions such as `.jpg` and media types such as `image/*`; [] for all. */
  readonly uploadTypes: readonly string[];
  readonly mkdir: boolean;
  readonly rename: boolean;
  readonly delete: boolean;
}

/** A path beneath the root, in its parts. */
export type Parts = readonly string[];

/** What is at a path. */
export type Kind = "file" | "directory" | null;

/** A file that was stored. */
export interface StoredFile {
  /** Its path, perhaps with another name than the client wanted. */
  readonly parts: Parts;
  /** False where it has replaced another. */
  readonly created: boolean;
  /** Bytes. */
  readonly size: number;
}

/** Changes what is beneath a root. All methods throw {@linkcode WriteRefused}. */
export class TreeWriter {
  readonly settings: WriteSettings;
  /** When a folder was last searched for leftovers (ms since 1970), by path. */
  readonly #tidied = new Map<string, number>();

  constructor(settings: WriteSettings) {
    this.settings = settings;
  }

  /** What a reader finds at a path. */
  kindOf(parts: Parts): Kind {
    const opened = this.settings.root.open(parts.join("/"));
    if (typeof opened === "number") return null;
    opened[Symbol.dispose]();
    return opened.kind;
  }

  /** Opens the folder of `parts`; 409 where there is none. */
  folder(parts: Parts): OpenedDirectory {
    const path = parts.map((part) => `${part}/`).join("");
    const opened = this.settings.root.open(path);
    if (opened === 403) {
      throw new WriteRefused(
        403,
        `The folder ${quote(path)} is not served, so it cannot be changed.`,
      );
    }
    if (typeof opened === "object" && opened.kind === "directory") {
      return opened;
    }
    if (typeof opened === "object") opened[Symbol.dispose]();
    throw new WriteRefused(
      409,
      `There is no folder ${quote(path)}; create it first.`,
    );
  }

  /** Refuses a file that is not to be taken, before any of it is read. */
  async assertTaken(parts: Parts, length: number | null): Promise<void> {
    const { upload, uploadLimit, overwrite } = this.settings;
    if (!upload) {
      throw off("No files are taken here", "upload=1");
    }
    const name = this.#nameOf(parts);
    this.#assertType(name);
    if (uploadLimit > 0 && length !== null && length > uploadLimit) {
      throw tooLarge(name, uploadLimit);
    }
    using folder = this.folder(parts.slice(0, -1));
    if (overwrite !== "0") return;
    const isTaken = await refusing(
      name,
      () => isThere(`${folder.path}/${name}`),
    );
    if (isTaken) throw nameTaken(name);
  }

  /**
   * Stores a file. Where the body ends early, the limit is exceeded or the disk
   * is full, nothing has happened.
   *
   * @param beforeKept Called when the file is whole; may refuse it.
   */
  async store(
    parts: Parts,
    body: AsyncIterable<Uint8Array>,
    overwrite: Overwrite = this.settings.overwrite,
    beforeKept: () => void | Promise<void> = () => {},
  ): Promise<StoredFile> {
    const name = this.#nameOf(parts);
    const { uploadLimit } = this.settings;
    using folder = this.folder(parts.slice(0, -1));
    this.#tidy(folder, parts);
    await using file = new IncomingFile(folder, name);
    for await (const chunk of body) {
      if (uploadLimit > 0 && file.size + chunk.length > uploadLimit) {
        throw tooLarge(name, uploadLimit);
      }
      await file.write(chunk);
    }
    await beforeKept();
    const kept = await file.keep(name, overwrite);
    return {
      parts: [...parts.slice(0, -1), kept.name],
      created: kept.created,
      size: file.size,
    };
  }

  #tidy(folder: OpenedDirectory, parts: Parts): void {
    const path = parts.slice(0, -1).join("/");
    const now = Date.now();
    if (now - (this.#tidied.get(path) ?? 0) <= LEFTOVER_MS) return;
    if (this.#tidied.size >= MAX_TIDIED) this.#tidied.clear();
    this.#tidied.set(path, now);
    try {
      removeLeftovers(folder);
    } catch {
      // A folder that cannot be listed can still take files.
    }
  }

  /** Refuses to make folders where that is off. */
  assertMayMakeFolders(): void {
    if (!this.settings.mkdir) throw off("No folders are made here", "mkdir=1");
  }

  /** Makes one folder; 405 where there is something already (RFC 4918, 9.3.1). */
  async makeFolder(parts: Parts): Promise<void> {
    this.assertMayMakeFolders();
    if (parts.length === 0) throw exists("/");
    const name = this.#nameOf(parts);
    using folder = this.folder(parts.slice(0, -1));
    await refusing(name, () => {
      try {
        Deno.mkdirSync(`${folder.path}/${name}`);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) throw exists(name);
        throw error;
      }
    });
  }

  /** Makes all folders on the way to a path that are not there. */
  async makeFoldersTo(parts: Parts): Promise<void> {
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth);
      if (this.kindOf(folder) !== null) continue;
      try {
        await this.makeFolder(folder);
      } catch (error) {
        // Another request has made it meanwhile.
        if (!(error instanceof WriteRefused) || error.status !== 405) {
          throw error;
        }
      }
    }
  }

  /**
   * Renames or moves a file or folder.
   *
   * @param replace Whether what is at `to` is replaced.
   * @returns Whether nothing was there.
   */
  async move(from: Parts, to: Parts, replace: boolean): Promise<boolean> {
    if (!this.settings.rename) {
      throw off("Nothing is renamed or moved here", "rename=1");
    }
    const name = this.#nameOf(from);
    const newName = this.#nameOf(to);
    assertApart(from, to);
    const kind = this.assertThere(from);
    if (kind === "file") this.#assertType(newName);
    using folder = this.folder(from.slice(0, -1));
    using newFolder = this.folder(to.slice(0, -1));
    const source = `${folder.path}/${name}`;
    return await refusing(
      newName,
      () => settle(source, newFolder, newName, replace),
    );
  }

  /**
   * Puts something new at a path, or nothing at all if that fails.
   *
   * @param make Makes it at a path beside, which it gets in full.
   * @returns Whether nothing was there.
   */
  async place(
    to: Parts,
    replace: boolean,
    make: (path: string) => Promise<void>,
  ): Promise<boolean> {
    const name = this.#nameOf(to);
    using folder = this.folder(to.slice(0, -1));
    const path = `${folder.path}/${UNFINISHED_PREFIX}${crypto.randomUUID()}`;
    return await refusing(name, async () => {
      try {
        await make(path);
        return await settle(path, folder, name, replace);
      } catch (error) {
        await Deno.remove(path, { recursive: true }).catch(() => {});
        throw error;
      }
    });
  }

  /** Deletes a file, or a folder with all that is in it. */
  async remove(parts: Parts): Promise<void> {
    if (!this.settings.delete) {
      throw off("Nothing is deleted here", "delete=1");
    }
    const name = this.#nameOf(parts);
    this.assertThere(parts);
    using folder = this.folder(parts.slice(0, -1));
    const { path } = folder;
    await refusing(
      name,
      () => Deno.remove(`${path}/${name}`, { recursive: true }),
    );
  }

  /** Sets when a file or folder was changed (ms since 1970). */
  setTime(parts: Parts, time: number): void {
    const name = this.#nameOf(parts);
    using folder = this.folder(parts.slice(0, -1));
    try {
      const path = `${folder.path}/${name}`;
      // A link must not lead to a file outside.
      if (Deno.lstatSync(path).isSymlink) return;
      Deno.utimeSync(path, new Date(), new Date(time));
    } catch (error) {
      throw refusalOf(error, name);
    }
  }

  /** Refuses a name of a type that is not taken. */
  assertType(parts: Parts): void {
    this.#assertType(this.#nameOf(parts));
  }

  /** The last name of a path to be written. */
  #nameOf(parts: Parts): string {
    const name = parts.at(-1);
    if (name === undefined) {
      throw new WriteRefused(
        403,
        "The served folder itself cannot be changed.",
      );
    }
    if (!parts.every((part) => part.isWellFormed())) {
      throw new WriteRefused(
        400,
        "Names must be UTF-8 where something is changed.",
      );
    }
    return name;
  }

  /** 404 for what no reader would find. */
  assertThere(parts: Parts): Kind {
    const kind = this.kindOf(parts);
    if (kind !== null) return kind;
    throw new WriteRefused(404, `There is no ${quote(parts.join("/"))}.`);
  }

  #assertType(name: string): void {
    const { uploadTypes } = this.settings;
    if (uploadTypes.length === 0) return;
    const lower = name.toLowerCase();
    const type = mediaTypeOf(name, "application/octet-stream");
    const isTaken = uploadTypes.some((taken) =>
      taken.startsWith(".")
        ? lower.endsWith(taken)
        : taken.endsWith("/*")
        ? type.startsWith(taken.slice(0, -1))
        : type.split(";", 1)[0] === taken
    );
    if (isTaken) return;
    throw new WriteRefused(
      415,
      `${quote(name)} is not taken; this folder takes ${
        uploadTypes.join(", ")
      }.`,
    );
  }
}

/**
 * Gives what is at `source` a name in `folder`.
 *
 * @returns Whether nothing of that name was there.
 */
async function settle(
  source: string,
  folder: OpenedDirectory,
  name: string,
  replace: boolean,
): Promise<boolean> {
  const target = `${folder.path}/${name}`;
  if (!isThere(target)) {
    if (!renameToFree(source, target)) throw nameTaken(name);
    return true;
  }
  if (!replace) throw nameTaken(name);
  const hasFolder = [source, target].some((path) =>
    Deno.lstatSync(path).isDirectory
  );
  if (hasFolder) await replaceFolder(source, target);
  else Deno.renameSync(source, target);
  return false;
}

/**
 * Puts `source` in the place of `target`, one of which is a folder, which
 * rename(2) does not replace. Where the system cannot exchange their names,
 * `target` gets another name first. That is not one of unfinished uploads:
 * `target` is removed only once `source` is in its place, even if the server
 * is killed in between.
 */
async function replaceFolder(source: string, target: string): Promise<void> {
  if (exchangeNames(source, target)) {
    return await Deno.remove(source, { recursive: true });
  }
  const aside = `${target}.replaced-${crypto.randomUUID()}`;
  Deno.renameSync(target, aside);
  try {
    Deno.renameSync(source, target);
  } catch (error) {
    Deno.renameSync(aside, target);
    throw error;
  }
  await Deno.remove(aside, { recursive: true });
}

/** Folders whose last tidying is remembered. */
const MAX_TIDIED = 10_000;

/** Refuses to put something into itself, or in place of what it is in. */
export function assertApart(from: Parts, to: Parts): void {
  const shorter = Math.min(from.length, to.length);
  if (from.slice(0, shorter).join("/") !== to.slice(0, shorter).join("/")) {
    return;
  }
  throw new WriteRefused(
    from.length === to.length ? 403 : 409,
    `${quote(from.join("/"))} and ${
      quote(to.join("/"))
    } are the same, or one is in the other.`,
  );
}

function off(what: string, option: string): WriteRefused {
  return new WriteRefused(
    403,
    `${what}; the option ${option} would allow it.`,
  );
}

function exists(name: string): WriteRefused {
  return new WriteRefused(
    405,
    `${quote(name)} already exists.`,
    [["allow", "GET, HEAD"]],
  );
}

function tooLarge(name: string, limit: number): WriteRefused {
  return new WriteRefused(
    413,
    `${quote(name)} is too large: a file may have up to ${limit} bytes here.`,
  );
}
