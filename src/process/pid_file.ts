/** `--pid`: the file with the server's process id. */

import { log } from "../log/log.ts";
import { reason } from "../log/log_output.ts";
import { writeAllSync } from "../log/write_all_sync.ts";
import { basename, resolve } from "../std/path.ts";
import { type Place, placeOf } from "../system/folder.ts";
import { SystemError } from "../system/libc.ts";
import { commandLine } from "./own_process.ts";

/** Readable for everybody. */
const MODE = 0o644;
/** A longer file is not a pid file, and is not overwritten. */
const MAX_BYTES = 64;
/** Clock ticks per second in /proc (USER_HZ, 100 on every architecture). */
const TICKS = 100;
/** Tolerance between file times and process times (ms). */
const SLACK_MS = 2000;

/** How to make a pid file. */
export interface PidFileOptions {
  /** The user that the server will run as, when root starts it. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
  /** True when this process takes over from the file's server. */
  readonly replace?: boolean;
}

/** A file with the id of this process. */
export class PidFile {
  readonly #path: string;

  /**
   * Writes the file atomically; the file of a server that has ended is replaced.
   *
   * @throws {SystemError} When it cannot be written, or its server is running.
   */
  constructor(path: string, options: PidFileOptions = {}) {
    this.#path = resolve(path);
    try {
      using place = placeOf(this.#path);
      const found = readPid(place, path);
      if (found !== null && !options.replace && isServer(found)) {
        throw new SystemError(
          `--pid ${path}: the server of this file is running as process ${found.pid}. Stop it, or choose another file.`,
        );
      }
      write(place, options);
    } catch (error) {
      if (error instanceof SystemError && /^--pid/.test(error.message)) {
        throw error;
      }
      throw new SystemError(
        `--pid ${path} cannot be written: ${reason(error)}`,
      );
    }
  }

  /**
   * Removes the file, unless it is another server's by now; empties it where
   * the directory does not allow removing.
   */
  remove(): void {
    try {
      using place = placeOf(this.#path);
      if (readPid(place, this.#path)?.pid !== Deno.pid) return;
      try {
        Deno.removeSync(place.folder.entry(place.name));
      } catch (error) {
        if (!isDenied(error)) throw error;
        overwrite(place, new Uint8Array());
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      log.warn(`--pid ${this.#path} cannot be removed: ${reason(error)}`);
    }
  }
}

function write(place: Place, { owner, replace }: PidFileOptions): void {
  const { folder, name } = place;
  const bytes = new TextEncoder().encode(`${Deno.pid}\n`);
  const temporary = `.${name}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    using created = folder.create(temporary, MODE);
    writeAllSync(created.file, bytes);
    Deno.chmodSync(created.path, MODE); // whatever the umask took away
    if (owner) Deno.chownSync(created.path, owner.uid, owner.gid);
    Deno.renameSync(folder.entry(temporary), folder.entry(name));
  } catch (error) {
    // After --user the server may own the file but not root's directory.
    if (replace && isDenied(error)) return overwrite(place, bytes);
    removeIfThere(folder.entry(temporary));
    throw error;
  }
}

/** Writes the existing pid file, where the directory is not writable. */
function overwrite({ folder, name }: Place, bytes: Uint8Array): void {
  using found = folder.lookUp(name);
  if (!found?.info.isFile) {
    throw new SystemError("it is no longer a regular file");
  }
  Deno.writeFileSync(found.path, bytes, { create: false });
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not created, or was moved.
  }
}

/** The content of a pid file. */
interface FoundPid {
  readonly pid: number;
  /** Its modification time (ms since 1970). */
  readonly written: number | null;
}

/** The process id in the file; null without one. */
function readPid({ folder, name }: Place, path: string): FoundPid | null {
  using found = folder.lookUp(name);
  if (found === null) return null;
  const { isFile, size, mtime } = found.info;
  if (!isFile || size > MAX_BYTES) {
    throw new SystemError(
      `--pid ${path}: this file is not a pid file. Remove it, or choose another path.`,
    );
  }
  const text = Deno.readTextFileSync(found.path).trim();
  if (!/^[1-9]\d{0,8}$/.test(text)) return null;
  return { pid: Number(text), written: mtime?.getTime() ?? null };
}

/** Whether the process is the server that wrote the file. */
function isServer({ pid, written }: FoundPid): boolean {
  return pid !== Deno.pid && isAlive(pid) && isThisProgram(pid) &&
    (written === null || !startedAfter(pid, written));
}

function isAlive(pid: number): boolean {
  try {
    // Imported, it would be loaded at each start (see the test of the layout).
    return globalThis.process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM"; // of another user
  }
}

/** Whether it runs the same script or executable; true where unknown. */
function isThisProgram(pid: number): boolean {
  const [own, other] = [commandLine("self"), commandLine(pid)];
  if (own === null || other === null) return true;
  const program = own.slice(0, own.length - Deno.args.length).at(-1) ?? "";
  return other.some((word) => basename(word) === basename(program));
}

/** True when the process id has been reused since; false where unknown. */
function startedAfter(pid: number, written: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The second field, the name, may contain spaces and parentheses (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = /^btime (\d+)$/m.exec(Deno.readTextFileSync("/proc/stat"));
    const started = (Number(boot![1]) + Number(fields[19]) / TICKS) * 1000;
    return started > written + SLACK_MS;
  } catch {
    return false;
  }
}

/** Permission denied, or a read-only file system. */
function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    (error as { code?: unknown }).code === "EROFS";
}
