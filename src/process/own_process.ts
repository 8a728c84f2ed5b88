/** Starting this program again, as a daemon or as a successor. */

import { resolve } from "../std/path.ts";
import { handOnLowPorts } from "../system/privileges.ts";
import {
  type InheritedPipe,
  notifyReady,
  setCloseOnExec,
  spawnWithReadyPipe,
  takeVariable,
} from "../system/process_pipes.ts";
import { SystemError } from "../system/libc.ts";
import { namesFromFiles } from "./env_files.ts";
import { rootHelper } from "./root_helper.ts";

/** Why this program was started again: for the background, or to take over. */
export type StartedAs = "daemon" | "successor";

/** A process of this program that is starting. */
export interface OwnProcess {
  readonly pid: number;
  /** Resolves with null once it serves, or with its status if it ends before. */
  readonly outcome: Promise<Deno.CommandStatus | null>;
  /** Resolves with how it ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

/** Environment variable with the reason of a start and the readiness pipe. */
const VARIABLE = "PAGI_SERVER_STARTED_AS";

type Start = { readonly as: StartedAs; readonly pipe: InheritedPipe } | null;

/** Undefined until it is read. */
let start: Start | undefined;

/** Why this program started this process, or null. Call it before the app. */
export function startedAs(): StartedAs | null {
  if (start === undefined) start = readStart();
  return start?.as ?? null;
}

/**
 * Starts this program again, with this process's right to bind low ports. A
 * daemon gets a session of its own. Standard output and error are inherited,
 * standard input is empty.
 *
 * @param env Variables in addition to those of this process.
 * @throws {SystemError} On other systems than Linux.
 */
export function startOwnProcess(
  as: StartedAs,
  { command, args, folder }: OwnCommand,
  env: Readonly<Record<string, string>> = {},
): OwnProcess {
  const { started: child, signalled } = spawnWithReadyPipe((descriptor) => {
    const spawn = (more: Record<string, string>): Deno.ChildProcess => {
      const program = new Deno.Command(command, {
        args: [...args],
        cwd: folder,
        env: {
          ...env,
          ...namesFromFiles(),
          ...more,
          [VARIABLE]: `${as} ${descriptor}`,
        },
        stdin: "null",
        stdout: "inherit",
        stderr: "inherit",
        detached: as === "daemon",
      });
      return handOnLowPorts(() => program.spawn());
    };
    return rootHelper()?.handOn(spawn) ?? spawn({});
  });
  const { pid, status } = child;
  return {
    pid,
    // When the pipe closes without a signal, the process is about to end.
    outcome: Promise.race([
      signalled.then((serves) => serves ? null : status),
      status,
    ]),
    ended: status,
    kill: (signal) => child.kill(signal),
  };
}

/** Reports to the process that started this one, if any, that it serves. */
export function reportServing(): void {
  if (start) notifyReady(start.pipe);
}

function readStart(): Start {
  if (Deno.build.os !== "linux") return null;
  const text = takeVariable(VARIABLE);
  const match = /^(daemon|successor) (\d+)$/.exec(text ?? "");
  if (match === null) return null;
  const pipe = setCloseOnExec(Number(match[2]));
  return pipe && { as: match[1] as StartedAs, pipe };
}

/** The command line that this program was started with. */
export interface OwnCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The working directory, for relative paths in `args`. */
  readonly folder: string;
}

/**
 * The command line of this process, flags of `deno run` included; null where
 * the system does not tell it. Call it before the app, which may change the
 * working directory.
 */
export function knownCommand(): OwnCommand | null {
  const [name, ...args] = commandLine("self") ?? [];
  if (name === undefined) return null;
  const folder = Deno.cwd();
  // Not resolved through links, which an upgrade may change.
  const command = name.includes("/") ? resolve(folder, name) : Deno.execPath();
  return { command, args, folder };
}

/** @throws {SystemError} Where {@linkcode knownCommand} is null. */
export function ownCommand(): OwnCommand {
  const command = knownCommand();
  if (command !== null) return command;
  throw new SystemError(
    "--daemonize: the command that started this program is unknown, so it cannot be started again in the background (finding it needs Linux, /proc and deno run -A). Leave the option out.",
  );
}

/** The arguments of a process, its name first; null where unknown. */
export function commandLine(process: number | "self"): string[] | null {
  try {
    return Deno.readTextFileSync(`/proc/${process}/cmdline`)
      .split("\0").slice(0, -1);
  } catch {
    return null;
  }
}

/**
 * True for process 1. Its container ends with it, so that it can neither hand
 * over nor go into the background; and it has to reap orphaned processes.
 */
export const isFirstProcess: boolean = Deno.pid === 1;
