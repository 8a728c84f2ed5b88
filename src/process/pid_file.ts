/**
 * `--pid`: the file that tells the server's process id.
 *
 * @module
 */

import { basename, dirname, resolve } from "../std/path.ts";
import { log } from "../log/log.ts";
import { SystemError } from "../system/system_error.ts";
import { commandLine } from "./own_command.ts";

/** Everybody may read it. */
const MODE = 0o644;
/** A longer file holds something else; it may be dear to somebody. */
const MOST_BYTES = 64;
/** Clock ticks per second, as /proc counts them on every machine. */
const TICKS = 100;
/** How far the clocks of files and of processes may be apart (ms). */
const SLACK_MS = 2000;

/** How to make a pid file. */
export interface PidFileOptions {
  /** The user that the server will run as, when root starts it. */
  readonly owner?: { readonly uid: number; readonly gid: number } | null;
  /** The file's server lives, and this process takes over from it. */
  readonly replace?: boolean;
}

/** A file that holds the id of this process. */
export class PidFile {
  readonly #path: string;

  /**
   * Writes the file at `path`, whole from the first moment that it can be seen. One of a
   * server that is gone is replaced.
   *
   * @throws {SystemError} When it cannot be written, or belongs to a server
   * that lives.
   */
  constructor(path: string, options: PidFileOptions = {}) {
    this.#path = resolve(path);
    try {
      const pid = readPid(this.#path);
      if (pid !== null && !options.replace && isServer(pid, this.#path)) {
        throw new SystemError(
          `--pid ${path}: the server of this file is running as process ${pid}. Stop it, or choose another file.`,
        );
      }
      write(this.#path, options);
    } catch (error) {
      if (error instanceof SystemError) throw error;
      throw new SystemError(
        `--pid ${path} cannot be written: ${reason(error)}`,
      );
    }
  }

  /**
   * Removes the file, unless it is another server's by now. Where the folder
   * does not allow that, the file is left empty.
   */
  remove(): void {
    try {
      if (readPid(this.#path) !== Deno.pid) return;
      try {
        Deno.removeSync(this.#path);
      } catch (error) {
        if (!isDenied(error)) throw error;
        Deno.truncateSync(this.#path);
      }
    } catch (error) {
      log.warn(`--pid ${this.#path} cannot be removed: ${reason(error)}`);
    }
  }
}

function write(path: string, { owner, replace }: PidFileOptions): void {
  const text = `${Deno.pid}\n`;
  let temporary: string;
  try {
    temporary = Deno.makeTempFileSync({
      dir: dirname(path),
      prefix: `.${basename(path)}.`,
    });
  } catch (error) {
    // A user who is not root any more may own the file in root's folder.
    if (!replace || !isDenied(error)) throw error;
    return Deno.writeTextFileSync(path, text, { create: false });
  }
  try {
    Deno.writeTextFileSync(temporary, text);
    Deno.chmodSync(temporary, MODE);
    if (owner) Deno.chownSync(temporary, owner.uid, owner.gid);
    Deno.renameSync(temporary, path);
  } catch (error) {
    Deno.removeSync(temporary);
    throw error;
  }
}

/** The process id in the file; null when there is none. */
function readPid(path: string): number | null {
  try {
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile || size > MOST_BYTES) {
      throw new SystemError(
        `--pid ${path}: what is there is no pid file. Remove it, or choose another file.`,
      );
    }
    const text = Deno.readTextFileSync(path).trim();
    return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Tells whether the process is the server that wrote the file. */
function isServer(pid: number, path: string): boolean {
  return pid !== Deno.pid && isAlive(pid) && isThisProgram(pid) &&
    !startedAfter(pid, path);
}

function isAlive(pid: number): boolean {
  try {
    // Imported, it would be loaded at each start (see the test of the layout).
    return globalThis.process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM"; // somebody else's
  }
}

/** Tells whether it runs the same script or executable; true in doubt. */
function isThisProgram(pid: number): boolean {
  const [own, other] = [commandLine("self"), commandLine(pid)];
  if (own === null || other === null) return true;
  const program = own.slice(0, own.length - Deno.args.length).at(-1) ?? "";
  return other.some((word) => basename(word) === basename(program));
}

/** Such a process got the id of one that is gone; false in doubt. */
function startedAfter(pid: number, path: string): boolean {
  const written = Deno.statSync(path).mtime;
  if (written === null) return false;
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // From the third field on: the second, a name, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = /^btime (\d+)$/m.exec(Deno.readTextFileSync("/proc/stat"));
    const started = (Number(boot![1]) + Number(fields[19]) / TICKS) * 1000;
    return started > written.getTime() + SLACK_MS;
  } catch {
    return false;
  }
}

function isDenied(error: unknown): boolean {
  // A read-only file system counts among them.
  return error instanceof Deno.errors.PermissionDenied ||
    (error as { code?: unknown }).code === "EROFS";
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/ \(os error \d+\).*$/s, "");
}
