/**
 * The folder that is served, and the one way to open what is in it.
 *
 * @module
 */

import { closeSync, existsSync, openSync } from "node:fs";
import { OptionError } from "../../options/option_error.ts";
import { quote } from "../../options/quote.ts";
import { SEPARATOR } from "../../std/path.ts";

/** A regular file, open for reading. */
export interface OpenedFile extends Disposable {
  readonly kind: "file";
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  /** Leads to this very file until it is disposed of; null: nothing does. */
  readonly path: string | null;
}

/** A folder whose entries can be read at `path` until it is disposed of. */
export interface OpenedFolder extends Disposable {
  readonly kind: "folder";
  readonly path: string;
}

/** What was opened, or the status that says why it was not. */
export type Opened = OpenedFile | OpenedFolder | 403 | 404;

/**
 * Opens `path` if what is there is a file or folder beneath `root`: 403 where
 * it is elsewhere, 404 where it is something else. May throw what the system
 * reports.
 */
export type Opener = (path: string, root: DocumentRoot) => Opened;

/** A folder that must not be left, by whatever path or symbolic link. */
export class DocumentRoot {
  /** The real path of the folder. */
  readonly path: string;
  readonly #prefix: string;
  readonly #opener: Opener;

  /**
   * Resolves `folder` once and for all; later changes of the working directory
   * or of symbolic links on the way do not matter. Throws an
   * {@linkcode OptionError} that begins with `appName` if it is no folder.
   */
  constructor(appName: string, folder: string, opener?: Opener) {
    this.path = realFolder(appName, folder);
    this.#prefix = this.path.endsWith(SEPARATOR)
      ? this.path
      : this.path + SEPARATOR;
    this.#opener = opener ??
      (descriptorsHavePaths(this.path) ? openByDescriptor : openByPath);
  }

  /** Tells whether the real path `real` is the root or beneath it. */
  contains(real: string): boolean {
    return real === this.path || real.startsWith(this.#prefix);
  }

  /** The whole path of what is at `path`. */
  pathOf(path: string): string {
    return this.#prefix + path;
  }

  /**
   * Opens what is at `path`, which is relative to the root, has `/` between
   * its parts and no `..`. What is missing, unreadable, or neither file nor
   * folder is 404; what is outside the root is 403. Throws only where the
   * system is in trouble, for instance out of descriptors.
   */
  open(path: string): Opened {
    const whole = this.pathOf(path);
    // An error costs ten times as much.
    if (!existsSync(whole)) return 404;
    try {
      return this.#opener(whole, this);
    } catch (error) {
      if (isAbsence(error)) return 404;
      throw error;
    }
  }
}

/** From Linux's fcntl.h: a descriptor that stands for a file without opening it. */
const O_PATH = 0o10000000;

function linkOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

/**
 * Tells whether {@linkcode openByDescriptor} works here: on Linux with /proc,
 * all permissions, and a Deno whose `node:fs` gives descriptors of the system
 * (2.7 does not).
 */
export function descriptorsHavePaths(folder: string): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    const descriptor = openSync(folder, O_PATH);
    try {
      return Deno.readLinkSync(linkOf(descriptor)) === folder;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}

/**
 * Pins what `path` leads to, asks the kernel where that is, and opens just
 * that. No exchange of files or symbolic links meanwhile can lead elsewhere,
 * and pipes and devices are never opened.
 */
export function openByDescriptor(path: string, root: DocumentRoot): Opened {
  const descriptor = openSync(path, O_PATH);
  const close = () => closeSync(descriptor);
  let keep = false;
  try {
    const link = linkOf(descriptor);
    if (!root.contains(Deno.readLinkSync(link))) return 403;
    const info = Deno.statSync(link);
    if (info.isDirectory) {
      keep = true;
      return { kind: "folder", path: link, [Symbol.dispose]: close };
    }
    if (!info.isFile) return 404;
    const opened = openedFile(Deno.openSync(link), info, link, close);
    keep = true;
    return opened;
  } finally {
    if (!keep) close();
  }
}

/**
 * Opens `path`, then checks that what is open is what a path beneath the root
 * leads to. Somebody who can exchange files and symbolic links at the right
 * microsecond, twice, can still lead this astray.
 */
export function openByPath(path: string, root: DocumentRoot): Opened {
  const expected = Deno.statSync(path);
  if (expected.isDirectory) {
    const real = Deno.realPathSync(path);
    return root.contains(real)
      ? { kind: "folder", path: real, [Symbol.dispose]: () => {} }
      : 403;
  }
  // Opening a pipe would wait for its writer.
  if (!expected.isFile) return 404;
  const file = Deno.openSync(path);
  try {
    const info = file.statSync();
    const real = Deno.realPathSync(path);
    const found = Deno.lstatSync(real);
    if (root.contains(real) && info.isFile && isSame(info, found)) {
      return openedFile(file, info);
    }
    file.close();
    return 403;
  } catch (error) {
    file.close();
    throw error;
  }
}

function openedFile(
  file: Deno.FsFile,
  info: Deno.FileInfo,
  path: string | null = null,
  close: () => void = () => {},
): OpenedFile {
  return {
    kind: "file",
    file,
    info,
    path,
    [Symbol.dispose]() {
      file.close();
      close();
    },
  };
}

function isSame(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function realFolder(appName: string, folder: string): string {
  try {
    const real = Deno.realPathSync(folder);
    if (Deno.statSync(real).isDirectory) return real;
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
  throw new OptionError(
    `${appName}, option root: there is no folder ${quote(folder)} that can ` +
      `be read; name an existing one`,
  );
}

const ABSENCES = new Set([
  "ENOENT",
  "ENOTDIR",
  "EACCES",
  "EPERM",
  "ELOOP",
  "ENAMETOOLONG",
  "ENXIO",
]);

/** Tells whether `error` means that there is nothing for us at a path. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    error instanceof Error &&
      ABSENCES.has((error as { code?: string }).code ?? "");
}
