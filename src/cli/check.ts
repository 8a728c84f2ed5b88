/** `--check`: whether the server would start, without starting it. */

import { statOf } from "../loader/files.ts";
import { loadApp } from "../loader/load_app.ts";
import { configureLog } from "../log/log.ts";
import { standardStream } from "../log/log_output.ts";
import type { CommandLine } from "../options/command_line.ts";
import { OptionError } from "../options/option_error.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { appInMode } from "../process/hosted_app.ts";
import { resolveIdentity } from "../process/process_setup.ts";
import {
  checkFree,
  checkShareable,
  withoutSharing,
} from "../process/shared_addresses.ts";
import { startInProject } from "../process/start_in_project.ts";
import { keyExposure, readKeyPair } from "../server/key_pair.ts";
import { Lifespan, StartupError } from "../server/lifespan.ts";
import { listenAddresses } from "../server/listen_address.ts";
import { checkSocketPath } from "../server/socket_path.ts";
import { GracePeriod } from "../server/timers.ts";
import { dirname } from "../std/path.ts";
import { isWritable } from "../system/file_names.ts";
import { SystemError } from "../system/libc.ts";
import { type Identity, requireRootToBecome } from "../system/privileges.ts";
import { configText } from "./print_config.ts";
import { appRequest, isExpected, withModeDefaults } from "./start.ts";
import { EXIT, print, printError } from "./terminal.ts";

type Check = readonly [what: string, check: () => unknown];

/**
 * Prints the settings and checks the requirements of a start; prints all
 * problems, not only the first. Writes no file and leaves no socket.
 *
 * @returns the exit code
 */
export async function checkStart(line: CommandLine): Promise<number> {
  await startInProject(appRequest(line));
  const { settings } = withoutSharing(withModeDefaults(line));
  configureLog({ level: settings.logLevel });
  let identity: Identity | null = null;
  const files = [
    ["--log-file", settings.logFile],
    ["--access-log", settings.noAccessLog ? null : settings.accessLog],
    ["--pid", settings.pid],
  ] as const;
  const checks: Check[] = [
    ["settings", async () => print(await configText(line, settings))],
    ["user and group", () => {
      identity = resolveIdentity(settings);
      if (identity !== null) requireRootToBecome(identity);
    }],
    ["TLS certificate and key", () => checkKeyPair(settings)],
    ...listenAddresses(settings).map((address) =>
      [
        "path" in address
          ? `address unix:${address.path}`
          : `address ${address.host}:${address.port}`,
        async () => {
          if (settings.workers > 1) checkShareable([address]);
          checkFree([address]);
          if (!("path" in address)) return;
          assertWritable("--socket", dirname(address.path), identity);
          await checkSocketPath(address.path);
        },
      ] as Check
    ),
    ...files.flatMap(([option, path]) =>
      path === null
        ? []
        : [[`${option} ${path}`, () => checkFile(option, path)] as Check]
    ),
    ...settings.channelsBackend === null ? [] : [[
      "--channels-backend",
      async () => {
        const { checkBroker } = await import("../channels/broker.ts");
        await checkBroker(settings.channelsBackend!);
      },
    ] as Check],
    ["app, its start and its stop", () => checkApp(line, settings)],
  ];
  let problems = 0;
  for (const [what, check] of checks) {
    try {
      await check();
      print(`# ok: ${what}\n`);
    } catch (error) {
      if (!isExpected(error) && !(error instanceof OptionError)) throw error;
      problems++;
      print(`# problem: ${what}\n`);
      printError(`pagi-server: ${error.message}\n`);
    }
  }
  return problems === 0 ? EXIT.ok : EXIT.failure;
}

/** @throws {ListenError} */
async function checkKeyPair(settings: ResolvedSettings): Promise<void> {
  await readKeyPair(settings);
  const exposure = keyExposure(settings);
  if (exposure !== null) printError(`pagi-server: ${exposure}\n`);
}

/** @throws {SystemError} When a file could not be written by this process. */
function checkFile(option: string, path: string): void {
  if (standardStream(path) !== null) return;
  const info = statOf(path);
  if (info?.isDirectory) {
    throw new SystemError(`${option} ${path} is a directory. Name a file.`);
  }
  assertWritable(option, info === null ? dirname(path) : path, null);
}

/** @throws {SystemError} */
function assertWritable(
  option: string,
  path: string,
  who: Identity | null,
): void {
  const info = statOf(path);
  if (info === null) {
    throw new SystemError(
      `${option}: there is no directory ${path}. Create it, or choose another.`,
    );
  }
  if (who === null || who.uid === 0) {
    if (isWritable(path) ?? true) return;
  } else {
    const shift = info.uid === who.uid ? 6 : info.gid === who.gid ? 3 : 0;
    if ((info.mode! >> shift) & 0o2) return;
  }
  throw new SystemError(
    `${option}: the server's user may not write to ${path}. Give it the permission, or choose another place.`,
  );
}

/**
 * Loads the app, starts it and stops it.
 *
 * @throws {LoadError}
 * @throws {StartupError}
 */
async function checkApp(
  line: CommandLine,
  settings: ResolvedSettings,
): Promise<void> {
  using _ = whileExitIsProblem();
  const { lifespanStartupTimeout, shutdownTimeout } = settings;
  const loading = loadApp(appRequest(line));
  const grace = new GracePeriod();
  if (await grace.wait(loading, lifespanStartupTimeout) === "timeout") {
    throw new StartupError(
      `The app was not loaded within ${lifespanStartupTimeout} s (--lifespan-startup-timeout).`,
    );
  }
  const { app } = await loading;
  const lifespan = new Lifespan(await appInMode(app, settings), {
    mode: settings.lifespan,
    startupTimeout: lifespanStartupTimeout,
    shutdownTimeout,
    workerNumber: null,
  });
  await lifespan.startup();
  if (await lifespan.shutdown(grace)) return;
  throw new StartupError("The app did not stop as it should; see the log.");
}

/** Makes the check fail if the app ends the process. */
function whileExitIsProblem(): Disposable {
  const onExit = () => {
    print("# problem: app, its start and its stop\n");
    printError(
      `pagi-server: The app ended the process: it called Deno.exit(${Deno.exitCode}), or Node's process.exit.\n`,
    );
    Deno.exitCode ||= EXIT.failure;
  };
  globalThis.addEventListener("unload", onExit);
  return {
    [Symbol.dispose]: () => globalThis.removeEventListener("unload", onExit),
  };
}
