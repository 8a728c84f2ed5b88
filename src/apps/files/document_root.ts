/** The directory that is served, and the only way to open files in it. */

import { log } from "../../log/log.ts";
import { OptionError, quote } from "../../options/option_error.ts";
import { node } from "../../std/node.ts";
import { resolve, SEPARATOR } from "../../std/path.ts";
import {
  DescriptorsExhausted,
  FILE_DESCRIPTORS,
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import {
  closeDescriptor,
  fileExists,
  fileLibraryIsHeld,
  holdFileLibrary,
  openDescriptor,
  readLinkName,
  statName,
} from "../../system/file_names.ts";
import { readMayBlock } from "../../system/file_stamp.ts";
import { descriptorPath, isSameFile, O_PATH } from "../../system/libc.ts";

/** A regular file, open for reading. */
export interface OpenedFile extends Disposable {
  readonly kind: "file";
  readonly file: Deno.FsFile;
  readonly info: Deno.FileInfo;
  /** Only asynchronous reads are allowed, as a read may block. */
  readonly mayBlock: boolean;
  /** Its first bytes, if they have been read already. */
  head?: Uint8Array;
}

/** A directory that can be read at `path` until it is disposed of. */
export interface OpenedDirectory extends Disposable {
  readonly kind: "directory";
  readonly path: string;
}

/** What was opened, or the status of the failure. */
export type Opened = OpenedFile | OpenedDirectory | 403 | 404;

/**
 * Opens a file or directory at `path` beneath `root`: 403 if `root` does not
 * allow it, 404 for anything else. May throw what the system reports.
 */
export type Opener = (root: DocumentRoot, path: string) => Opened;

/** How a {@linkcode DocumentRoot} is made. */
interface RootOptions {
  /** Serve names that begin with a dot. */
  readonly showHidden?: boolean;
  /** How to open files; the safest one that works here is the default. */
  readonly opener?: Opener;
}

/** A directory that no path or symbolic link may lead out of. */
export class DocumentRoot {
  /** Its absolute path, which may be a symbolic link. */
  readonly directory: string;
  readonly #prefix: string;
  readonly appName: string;
  readonly #showHidden: boolean;
  readonly #opener: Opener;
  /** Messages that were logged, each only once. */
  readonly #logged = new Set<string>();

  /**
   * A relative `directory` is resolved once. Symbolic links in it are followed
   * at each access, so that a deployment may replace them.
   *
   * @throws {OptionError} That begins with `appName` if it is not a directory.
   */
  constructor(appName: string, directory: string, options: RootOptions = {}) {
    assertDirectory(appName, directory);
    this.directory = resolve(directory);
    this.#prefix = withSeparator(this.directory);
    this.appName = appName;
    this.#showHidden = options.showHidden ?? false;
    this.#opener = options.opener ??
      (descriptorsHavePaths(this.directory) ? openByDescriptor : openByPath);
  }

  /** The absolute path of `path`. */
  pathOf(path: string): string {
    return this.#prefix + path;
  }

  /**
   * Whether the real path `real` may be served: it is beneath `realRoot`,
   * the real path of the root, and not hidden.
   */
  allows(real: string, realRoot: string): boolean {
    if (real === realRoot) return true;
    const prefix = withSeparator(realRoot);
    return real.startsWith(prefix) &&
      (this.#showHidden
        ? !isUnfinished(real)
        : !isHidden(real.slice(prefix.length)));
  }

  /** The same for the present real path of the root. */
  contains(real: string): boolean {
    return this.allows(real, Deno.realPathSync(this.directory));
  }

  /**
   * Opens the file or directory at `path`, which is relative to the root, has
   * `/` between its parts and no `..`. Anything else is 404; what cannot be
   * read, is outside the root or hidden, is 403. Throws only if the system
   * fails, for instance without descriptors.
   */
  open(path: string): Opened {
    // An exception takes ten times as long.
    if (!this.has(path)) return 404;
    if (!reserveDescriptors(OPENING)) throw new DescriptorsExhausted();
    let held = 0;
    try {
      const opened = this.#opener(this, path);
      if (typeof opened === "number") return opened;
      held = opened.kind === "file" ? FILE_DESCRIPTORS : 1;
      return releasing(opened, held);
    } catch (error) {
      if (isDenial(error)) return this.#deny(path, error);
      if (isAbsence(error)) return 404;
      throw error;
    } finally {
      releaseDescriptors(OPENING - held);
    }
  }

  /** The same, but null for anything else than `kind`, and on failure. */
  tryOpen<K extends "file" | "directory">(
    path: string,
    kind: K,
  ): Extract<Opened, { kind: K }> | null {
    try {
      const opened = this.open(path);
      if (typeof opened === "number") return null;
      if (opened.kind === kind) return opened as Extract<Opened, { kind: K }>;
      opened[Symbol.dispose]();
    } catch {
      // The caller does without it.
    }
    return null;
  }

  /** Whether something can be seen at `path`. */
  has(path: string): boolean {
    const whole = this.pathOf(path);
    const exists = fileExists(whole);
    if (exists !== null) return exists;
    if (whole.isWellFormed()) return node("node:fs").existsSync(whole);
    this.#logOnce(
      `the name of ${quote(path.toWellFormed())} is not UTF-8; such names ` +
        `can only be opened on Linux with glibc and the permission for FFI ` +
        `(deno run -A), and are answered with 404 here`,
      "not UTF-8",
    );
    return false;
  }

  /**
   * The status if {@linkcode open} found nothing at `path`: 403, and a line in
   * the log, if this process may not enter the directory or, with `ifThere`, if
   * there is something that cannot be served, such as a pipe or a broken link.
   */
  reasonFor(path: string, ifThere = false): 403 | 404 {
    const whole = this.pathOf(path);
    try {
      const found = whole.isWellFormed()
        ? Deno.lstatSync(whole)
        : statName(whole, false);
      if (!ifThere || found === null || found.isDirectory) return 404;
    } catch (error) {
      if (isDenial(error)) return this.#deny(path, error);
      if (!this.has("")) {
        this.#logOnce(
          `the folder ${
            quote(this.directory.toWellFormed())
          } is not there any ` +
            `more; everything in it is answered with 404`,
        );
      }
      return 404;
    }
    this.#logOnce(
      `${quote(path.toWellFormed())} is there but is no file that can be ` +
        `served; it is answered with 403`,
    );
    return 403;
  }

  #deny(path: string, error: unknown): 403 {
    this.#logOnce(
      `${quote(path.toWellFormed())} cannot be read (${
        codeOf(error)
      }) and is ` +
        `answered with 403; give the user of the server the right to read it`,
    );
    return 403;
  }

  /** Clients choose the paths, so only a few messages are remembered. */
  #logOnce(text: string, key = text): void {
    if (this.#logged.has(key)) return;
    if (this.#logged.size >= MAX_LOGGED) this.#logged.clear();
    this.#logged.add(key);
    log.warn(`${this.appName}: ${text}.`);
  }
}

/** Descriptors that opening needs at the same time. */
const OPENING = 3;

/** `opened`, which releases `held` descriptors when it is closed. */
function releasing<T extends OpenedFile | OpenedDirectory>(
  opened: T,
  held: number,
): T {
  const dispose = opened[Symbol.dispose];
  opened[Symbol.dispose] = () => {
    if (held === 0) return;
    dispose();
    releaseDescriptors(held);
    held = 0;
  };
  return opened;
}

/** Messages that are remembered; each may have a path of 64 KB. */
const MAX_LOGGED = 100;

function withSeparator(directory: string): string {
  return directory.endsWith(SEPARATOR) ? directory : directory + SEPARATOR;
}

/** The directory of RFC 8615, the only name with a dot that is not hidden. */
const WELL_KNOWN = ".well-known";

/** The configuration file of this server, wherever it lies. */
export const CONFIG_FILE = "pagi-server.toml";

/** Starts the names of files that are being uploaded. */
export const UNFINISHED_PREFIX = ".pagi-upload-";

/** Whether a part of `path` is being uploaded: nobody is shown that. */
export function isUnfinished(path: string): boolean {
  return path.includes(UNFINISHED_PREFIX) &&
    /(?:^|[/\\])\.pagi-upload-/.test(path);
}

/**
 * Whether a part of `path`, which is relative to a root, begins with a
 * dot; `.well-known` may, where it comes first (RFC 8615). The server's own
 * configuration is hidden, too: it may hold keys of others.
 */
export function isHidden(path: string): boolean {
  if (
    path.endsWith(CONFIG_FILE) &&
    /^$|[/\\]$/.test(path.slice(0, -CONFIG_FILE.length))
  ) return true;
  if (!path.startsWith(".")) return path.includes("/.") || path.includes("\\.");
  return path === WELL_KNOWN || path.startsWith(`${WELL_KNOWN}/`) ||
      path.startsWith(`${WELL_KNOWN}\\`)
    ? isHidden(path.slice(1))
    : true;
}

/** A descriptor that keeps referring to the same file or directory. */
interface Pin {
  /** Its path until it is closed. */
  readonly link: string;
  close(): void;
}

function pin(path: string): Pin {
  if (fileLibraryIsHeld() || !canPinByNode(path)) {
    const descriptor = openDescriptor(path, O_PATH);
    if (descriptor !== null) return pinBy(descriptor, closeDescriptor);
    if (!canPinByNode(path)) {
      throw new Deno.errors.NotFound(path.toWellFormed());
    }
  }
  return pinByNode(path);
}

function pinByNode(path: string): Pin {
  const { openSync, closeSync } = node("node:fs");
  return pinBy(openSync(path, O_PATH), closeSync);
}

function pinBy(descriptor: number, close: (descriptor: number) => void): Pin {
  return { link: descriptorPath(descriptor), close: () => close(descriptor) };
}

/** Whether descriptors of `node:fs` are those of the system: not in Deno 2.7. */
let nodeHasDescriptors: boolean | undefined;

function canPinByNode(path: string): boolean {
  return path.isWellFormed() &&
    (nodeHasDescriptors ??= leadsTo(pinByNode(path), path));
}

/** The real path of what is pinned, whatever its bytes. */
function realPathOf({ link }: Pin): string {
  try {
    return Deno.readLinkSync(link);
  } catch (error) {
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    const real = readLinkName(link);
    if (real === null) throw new Deno.errors.NotFound(error.message);
    return real;
  }
}

/** Whether the link of `pinned`, which is closed, leads to `path`. */
function leadsTo(pinned: Pin, path: string): boolean {
  try {
    realPathOf(pinned);
    return isSameFile(Deno.statSync(pinned.link), Deno.statSync(path));
  } catch {
    return false;
  } finally {
    pinned.close();
  }
}

/**
 * Whether {@linkcode openByDescriptor} works: on Linux with /proc, all
 * permissions, and either the C library or descriptors of `node:fs`.
 */
export function descriptorsHavePaths(directory: string): boolean {
  if (Deno.build.os !== "linux") return false;
  // A server holds it later, and should not load Node's module for this.
  using _library = holdFileLibrary();
  try {
    return leadsTo(pin(directory), directory);
  } catch {
    return false;
  }
}

/**
 * Pins the root and what `path` refers to from there, asks the kernel for the
 * real paths of both, and opens exactly that. Replacing files or symbolic links
 * meanwhile has no effect, and pipes and devices are never opened.
 */
export function openByDescriptor(root: DocumentRoot, path: string): Opened {
  const pinnedRoot = pin(root.directory);
  let pinned: Pin | null = null;
  let keep = false;
  try {
    pinned = pin(`${pinnedRoot.link}/${path}`);
    const { link, close } = pinned;
    if (!root.allows(realPathOf(pinned), realPathOf(pinnedRoot))) return 403;
    const info = Deno.statSync(link);
    if (info.isDirectory) {
      keep = true;
      return { kind: "directory", path: link, [Symbol.dispose]: close };
    }
    if (!info.isFile) return 404;
    return openedFile(Deno.openSync(link), info, readMayBlock(link, info.dev));
  } finally {
    pinnedRoot.close();
    if (!keep) pinned?.close();
  }
}

/**
 * Opens `path`, then checks that the open file is the one at a path beneath the
 * root. Somebody who can replace files and symbolic links twice, each time in
 * the right microsecond, can still mislead this.
 */
export function openByPath(root: DocumentRoot, path: string): Opened {
  const whole = root.pathOf(path);
  if (!whole.isWellFormed()) return 404;
  const isAllowed = (real: string) =>
    root.allows(real, Deno.realPathSync(root.directory));
  const expected = Deno.statSync(whole);
  if (expected.isDirectory) {
    const real = Deno.realPathSync(whole);
    return isAllowed(real)
      ? { kind: "directory", path: real, [Symbol.dispose]: () => {} }
      : 403;
  }
  // Opening a pipe would wait for its writer.
  if (!expected.isFile) return 404;
  const file = Deno.openSync(whole);
  try {
    const info = file.statSync();
    const real = Deno.realPathSync(whole);
    const found = Deno.lstatSync(real);
    if (isAllowed(real) && info.isFile && isSameFile(info, found)) {
      return openedFile(file, info, readMayBlock(whole, info.dev));
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
  mayBlock: boolean,
): OpenedFile {
  return {
    kind: "file",
    file,
    info,
    mayBlock,
    [Symbol.dispose]() {
      try {
        file.close();
      } catch {
        // The server has closed it after sending it.
      }
    },
  };
}

function assertDirectory(appName: string, directory: string): void {
  try {
    const info = Deno.statSync(directory);
    if (info.isFile) {
      throw new OptionError(
        `${appName}, option root: ${
          quote(directory)
        } is a file; name the folder that it is in`,
      );
    }
    if (info.isDirectory) {
      Deno.statSync(`${directory}/.`);
      return;
    }
  } catch (error) {
    if (!isAbsence(error)) throw error;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new OptionError(
        `${appName}, option root: the user of this process is not allowed to enter ${
          quote(directory)
        }; as its owner: chmod a+rx DIRECTORY, for it and those above it`,
      );
    }
  }
  throw new OptionError(
    `${appName}, option root: there is no folder ${
      quote(directory)
    } that can ` +
      `be read; name an existing one`,
  );
}

const DENIALS = new Set(["EACCES", "EPERM"]);
const ABSENCES = new Set([
  ...DENIALS,
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "ENXIO",
]);

/** The system's code of `error`, or the error's name. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as { code?: string }).code ?? error.name;
}

/** Whether `error` means that there is nothing accessible at a path. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    error instanceof Deno.errors.NotFound || ABSENCES.has(codeOf(error));
}

/** Whether `error` means that this process may not read a path. */
export function isDenial(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable || DENIALS.has(codeOf(error));
}
