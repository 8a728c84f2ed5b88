/**
 * After `--user`, root is still needed to read a renewed key, and to remove the
 * pid file from a directory of root. A small shell script does just that for
 * these files, until the server and its successors have ended.
 */

import { log } from "../log/log.ts";
import type { Settings } from "../options/settings.ts";
import {
  type KeyFiles,
  type KeyPair,
  readKeyPair,
} from "../server/key_pair.ts";
import { resolve } from "../std/path.ts";
import { placeOf } from "../system/folder.ts";
import type { Identity } from "../system/privileges.ts";
import {
  ANSWER_END,
  RootShell,
  takeVariable,
} from "../system/process_pipes.ts";
import { messageOf } from "../options/option_error.ts";

/** Environment variable that names the shell and its tasks for a successor. */
const VARIABLE = "PAGI_SERVER_HELPER";
const BETWEEN = "==next file==";

/**
 * Arguments: two pipes, the user's id, the pid file, certificate and key; empty
 * where the helper has no such task. It ignores signals, which may go to the
 * whole process group or unit. Since the lines may come from the app, and root
 * may trust the pid file, it writes only the number of a process of the user.
 * Only plain files are read: a device or pipe may have no end.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM USR1 USR2
umask 022
exec </proc/self/fd/$1 >/proc/self/fd/$2
user=$3 pid=$4 cert=$5 key=$6 server=$PPID
while read -r word value; do
  case $word in
    keys)
      if [ -f "$cert" ] && [ -f "$key" ]; then
        cat "$cert" && echo "${BETWEEN}" && cat "$key"
      fi
      echo "${ANSWER_END}" ;;
    pid)
      case $value in *[!0-9]*) value= ;; esac
      if [ -n "$pid" ] && [ -n "$value" ] &&
        grep -q "^Uid:[[:space:]]*$user[[:space:]]" "/proc/$value/status"
      then
        echo "$value" >"$pid.new" && mv -f "$pid.new" "$pid" && server=$value
      fi
      echo "${ANSWER_END}" ;;
  esac
done
[ -f "$pid" ] && [ "$(cat "$pid")" = "$server" ] && rm -f "$pid"
`;

/** The helper of this process. */
export class RootHelper {
  readonly #shell: RootShell;

  /**
   * @param keepsPidFile It writes and removes the pid file.
   * @param readsKeys It reads certificate and key.
   */
  private constructor(
    shell: RootShell,
    readonly keepsPidFile: boolean,
    readonly readsKeys: boolean,
  ) {
    this.#shell = shell;
  }

  /**
   * Starts a helper while this process is root; null where none is needed. It
   * works by path, so only where root alone can change the directories.
   */
  static start(settings: Settings, identity: Identity): RootHelper | null {
    const { pid, sslCert, sslKey } = settings;
    const keepsPid = pid !== null && isPrivate(pid, false);
    const readsKeys = sslCert !== null && sslKey !== null &&
      isPrivate(sslCert, true) && isPrivate(sslKey, true);
    if (identity.uid === 0 || !keepsPid && !readsKeys) return null;
    const shell = RootShell.start(SCRIPT, [
      String(identity.uid),
      keepsPid ? resolve(pid) : "",
      readsKeys ? resolve(sslCert) : "",
      readsKeys ? resolve(sslKey) : "",
    ]);
    return shell && new RootHelper(shell, keepsPid, readsKeys);
  }

  /** The helper of the predecessor, if any. */
  static inherited(): RootHelper | null {
    if (Deno.build.os !== "linux") return null;
    const match = /^([\d ]+) ([yn])([yn])$/.exec(takeVariable(VARIABLE) ?? "");
    const shell = match && RootShell.resume(match[1]);
    return shell &&
      new RootHelper(shell, match[2] === "y", match[3] === "y");
  }

  /** Starts a process that inherits this helper. */
  handOn<T>(start: (env: Record<string, string>) => T): T {
    const [pid, keys] = [this.keepsPidFile, this.readsKeys].map((does) =>
      does ? "y" : "n"
    );
    return this.#shell.handOn(() =>
      start({ [VARIABLE]: `${this.#shell.name} ${pid}${keys}` })
    );
  }

  /** Writes this process's id into the pid file. */
  async takePidFile(): Promise<void> {
    await this.#shell.ask(`pid ${Deno.pid}`);
  }

  /** Reads certificate and key; null when that fails. */
  async readKeys(): Promise<KeyFiles | null> {
    if (!this.readsKeys) return null;
    const [cert, key] = (await this.#shell.ask("keys"))?.split(
      `${BETWEEN}\n`,
    ) ?? [];
    if (cert === undefined || key === undefined) return null;
    const encoder = new TextEncoder();
    return { cert: encoder.encode(cert), key: encoder.encode(key) };
  }
}

let helper: RootHelper | null = null;

/** The helper of this process, if any. */
export function rootHelper(): RootHelper | null {
  return helper;
}

/** Sets the helper of this process. */
export function useRootHelper(one: RootHelper | null): void {
  helper = one;
}

function isPrivate(path: string, follow: boolean): boolean {
  try {
    using place = placeOf(path, follow);
    return place.isPrivate;
  } catch {
    return false;
  }
}

/** Reads the TLS files again; logs why and returns `present` on failure. */
export async function reloadKeyPair(
  settings: Settings,
  present: KeyPair | null,
): Promise<KeyPair | null> {
  try {
    const files = await rootHelper()?.readKeys() ?? null;
    if (files !== null) return await readKeyPair(settings, files);
    for (const path of [settings.sslCert, settings.sslKey]) {
      // A pipe, as of `<(...)`, can be read only once.
      if (path !== null && !Deno.statSync(path).isFile) return present;
    }
    return await readKeyPair(settings);
  } catch (error) {
    log.error(
      `The TLS files cannot be used, so the current ones stay in use: ${
        messageOf(error)
      }`,
    );
    return present;
  }
}
