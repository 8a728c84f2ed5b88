/** The options `--daemonize`, `--pid`, `--user` and `--group`. */

import { configureLog, log } from "../log/log.ts";
import { LOG_MODE, standardStream } from "../log/log_output.ts";
import { OptionError, quote } from "../options/option_error.ts";
import type { Settings } from "../options/settings.ts";
import { keyExposure, type KeyPair, readKeyPair } from "../server/key_pair.ts";
import { listenAddresses } from "../server/listen_address.ts";
import { fromFileUrl, join, resolve } from "../std/path.ts";
import {
  dropPrivileges,
  findGroup,
  findUser,
  type Identity,
  requireRootToBecome,
} from "../system/privileges.ts";
import { giveFile, placeOf } from "../system/folder.ts";
import { detachStandardStreams, isKept } from "../system/process.ts";
import { SystemError } from "../system/libc.ts";
import {
  isFirstProcess,
  ownCommand,
  reportServing,
  startedAs,
  startOwnProcess,
} from "./own_process.ts";
import { PidFile } from "./pid_file.ts";
import { RootHelper, rootHelper, useRootHelper } from "./root_helper.ts";
import { onSignals } from "./run_service.ts";

/** The first port that needs no capability, unless the system says otherwise. */
const FIRST_FREE_PORT = 1024;

/** The process around a server. */
export class ProcessSetup {
  /** Read before privileges were dropped; null without TLS. */
  readonly keyPair: KeyPair | null;
  readonly #inBackground: boolean;
  readonly #pidPath: string | null;

  private constructor(settings: Settings, keyPair: KeyPair | null) {
    this.keyPair = keyPair;
    this.#inBackground = settings.daemonize;
    // The app may change the working directory.
    this.#pidPath = settings.pid === null ? null : resolve(settings.pid);
  }

  /**
   * Does what needs root, then drops privileges for `--user`. Call it before
   * the app. Addresses are bound later, as the user, so that a successor can
   * bind them too.
   *
   * @throws {OptionError} For a user or group that is not there.
   * @throws {SystemError} When the system does not allow it.
   * @throws {ListenError} When a TLS file cannot be read.
   */
  static async prepare(settings: Settings): Promise<ProcessSetup> {
    const identity = resolveIdentity(settings);
    if (identity !== null) requireRootToBecome(identity);
    const inherited = RootHelper.inherited();
    const files = await inherited?.readKeys() ?? null;
    const pair = await readKeyPair(settings, files);
    const setup = new ProcessSetup(settings, pair);
    useRootHelper(inherited);
    const { logLevel: level, logFile: file, logFormat: format } = settings;
    if (identity === null) configureLog({ level, file, format, timed: true });
    if (startedAs() === "daemon") warnOfLostLogs(settings);
    // A predecessor keeps the file as long as it serves.
    const writesPid = setup.#pidPath !== null && startedAs() !== "successor";
    const asRoot = writesPid && identity !== null && isRoots(setup.#pidPath!);
    if (identity !== null && startedAs() !== "successor") {
      useRootHelper(RootHelper.start(settings, identity));
    }
    if (asRoot) setup.#writePidFile(identity);
    if (identity !== null) {
      await becomeUser(identity, settings);
      configureLog({ level, file, format, timed: true });
      if (!rootHelper()?.readsKeys) warnOfRenewal(settings);
    }
    const exposed = keyExposure(settings);
    if (exposed !== null) log.warn(exposed);
    if (writesPid && !asRoot) setup.#writePidFile(null);
    return setup;
  }

  /** Call it once connections are accepted. */
  async serving(): Promise<void> {
    if (startedAs() === "successor") {
      if (rootHelper()?.keepsPidFile) await rootHelper()!.takePidFile();
      else this.#writePidFile(null);
    }
    if (this.#inBackground) detachStandardStreams();
    reportServing();
  }

  #writePidFile(owner: Identity | null): void {
    if (this.#pidPath === null) return;
    const replace = startedAs() === "successor";
    // A file that the helper removes stays root's, who may trust it.
    if (rootHelper()?.keepsPidFile) return void new PidFile(this.#pidPath);
    const file = new PidFile(this.#pidPath, { owner, replace });
    // Also when the app calls Deno.exit.
    globalThis.addEventListener("unload", () => file.remove());
  }
}

async function becomeUser(
  identity: Identity,
  settings: Settings,
): Promise<void> {
  const { accessLog } = settings;
  for (const path of [settings.logFile, accessLog]) {
    if (path !== null && standardStream(path) === null) {
      giveFile(path, identity.uid, LOG_MODE);
    }
  }
  dropPrivileges(identity, bindsLowPort(settings));
  if (settings.workers > 1) await requireReadableCode();
}

/** Whether only root can change the file; else the user writes it. */
function isRoots(path: string): boolean {
  try {
    using place = placeOf(path);
    return place.isRoots;
  } catch {
    return false;
  }
}

/** Warns when the server's user cannot read renewed TLS files. */
function warnOfRenewal({ sslCert, sslKey }: Settings): void {
  const unreadable = [sslCert, sslKey].filter((path) =>
    path !== null && !isReadable(path)
  );
  if (unreadable.length === 0) return;
  log.warn(
    `The user of the server cannot read ${
      unreadable.join(" and ")
    }, so HUP cannot load a renewed certificate. Give that user's group the right to read it and to search its folders, or restart the server after each renewal (certbot: --deploy-hook).`,
  );
}

function isReadable(path: string): boolean {
  try {
    // A pipe can be read only once.
    if (Deno.statSync(path).isFile) Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether binding one of the addresses needs a capability. */
function bindsLowPort(settings: Settings): boolean {
  const bound = firstFreePort();
  return listenAddresses(settings).some((address) =>
    "port" in address && address.port !== 0 && address.port < bound
  );
}

function firstFreePort(): number {
  try {
    return Number(
      Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"),
    );
  } catch {
    return FIRST_FREE_PORT;
  }
}

function warnOfLostLogs({ accessLog, noAccessLog, logFile }: Settings): void {
  const isLost = (path: string | null): boolean => {
    const stream = path === null ? "stderr" : standardStream(path);
    return stream !== null && !isKept(stream);
  };
  if (!noAccessLog && isLost(accessLog)) {
    log.warn(
      "A daemon has no terminal, so its access log will be lost. Give --access-log FILE to keep it, or --no-access-log.",
    );
  }
  if (isLost(logFile)) {
    log.warn(
      "A daemon has no terminal, so its own log, errors included, will be lost from now on. Give --log-file FILE to keep it.",
    );
  }
}

/**
 * The user and group to run as; null without `--user` and `--group`.
 *
 * @throws {OptionError} When there is no such user or group.
 * @throws {SystemError} On other systems than Linux.
 */
export function resolveIdentity(
  { user, group }: Pick<Settings, "user" | "group">,
): Identity | null {
  if (user === null && group === null) return null;
  if (Deno.build.os !== "linux") {
    throw new SystemError(
      "--user and --group need Linux. Start the server as the user that it is to run as.",
    );
  }
  const gid = group === null ? null : findGroup(group);
  if (group !== null && gid === null) {
    throw new OptionError(
      `--group ${quote(group)}: there is no such group in /etc/group`,
    );
  }
  if (user === null) return { uid: Deno.uid() ?? 0, gid: gid! };
  const found = findUser(user);
  if (found === null) {
    throw new OptionError(
      `--user ${quote(user)}: there is no such user in /etc/passwd`,
    );
  }
  const itsGroup = gid ?? found.gid;
  if (itsGroup === null) {
    throw new OptionError(
      `--user ${
        quote(user)
      }: this number is not in /etc/passwd, so its group is not known; give --group too`,
    );
  }
  return { uid: found.uid, gid: itsGroup };
}

/** This file; null where the program was not loaded from files. */
const SOURCE: string | null = import.meta.url.startsWith("file:")
  ? fromFileUrl(import.meta.url)
  : null;

/**
 * Checks that this user can read the program and its packages, which each
 * worker loads again. A compiled program contains them.
 *
 * @throws {SystemError} When a part cannot be read.
 */
async function requireReadableCode(): Promise<void> {
  if (Deno.build.standalone) return;
  requireReadable(SOURCE, "Install this program where everybody can read it");
  const { denoFolder } = await import("../loader/deno_cache.ts");
  const cache = denoFolder();
  requireReadable(
    // The directory may be visible while its contents are not.
    cache && `${join(cache, "npm")}/.`,
    "Set DENO_DIR to a cache that everybody can read",
  );
}

function requireReadable(path: string | null, remedy: string): void {
  try {
    if (path !== null) Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) return;
    throw new SystemError(
      `The user that the server runs as cannot read ${path}, and workers must. ${remedy}, or use the compiled program.`,
    );
  }
}

/** The daemon ended before it served. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";

  /** @param exitCode The exit code for the command. */
  constructor(message: string, readonly exitCode: number) {
    super(message);
  }
}

/**
 * Starts this program in the background; resolves once it serves. Until then it
 * shares this process's standard streams, and a signal to this process (Ctrl-C)
 * stops the daemon; a second one kills it.
 *
 * @throws {DaemonError} When it ends before it serves.
 * @throws {SystemError} On other systems than Linux, and as process 1.
 */
export async function startDaemon(): Promise<void> {
  if (isFirstProcess) {
    throw new SystemError(
      "--daemonize: a container ends with its first process, which cannot go into the background. Leave the option out.",
    );
  }
  const daemon = startOwnProcess("daemon", ownCommand());
  let interrupted = false;
  let starting = true;
  const remove = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], () => {
    if (!starting) return;
    daemon.kill(interrupted ? "SIGKILL" : "SIGTERM");
    interrupted = true;
  });
  const ended = await daemon.outcome;
  starting = false;
  // Otherwise the signal listeners stay, so that a late signal does not end
  // this process before the error is printed.
  if (ended === null) return remove();
  const how = ended.signal === null
    ? `it ended with exit code ${ended.code}`
    : `it was ended by ${ended.signal}`;
  throw new DaemonError(
    `The daemon did not start: ${how} before it served.`,
    ended.signal === null ? ended.code || 1 : 1,
  );
}
