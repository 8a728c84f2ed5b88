/**
 * Processes of this program that it starts itself.
 *
 * @module
 */

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

/**
 * Why this program started another process of itself: to serve in the
 * background, or to take over from the one that starts it.
 */
export type StartedAs = "daemon" | "successor";

/** A process of this program that is starting. */
export interface OwnProcess {
  readonly pid: number;
  /** Resolves with null once it serves, or with how it ended before that. */
  readonly outcome: Promise<Deno.CommandStatus | null>;
  kill(signal: Deno.Signal): void;
}

/** Tells a process why it was started, and where to say that it serves. */
const VARIABLE = "PAGI_SERVER_STARTED_AS";

type Start = { readonly as: StartedAs; readonly pipe: InheritedPipe } | null;

/** Undefined until it is asked for: the variable can be taken once. */
let start: Start | undefined;

/**
 * Why another process of this program started this one; null if none did. To
 * be asked before any code of the app runs.
 */
export function startedAs(): StartedAs | null {
  if (start === undefined) start = readStart();
  return start?.as ?? null;
}

/**
 * Starts this program again; it may bind ports below 1024 where this process
 * may. A daemon gets a session of its own. Standard output and error are this
 * process's, standard input is empty.
 *
 * @param env Variables to add to those of this process.
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
    // Without a signal it is about to end; its end alone tells how.
    outcome: Promise.race([
      signalled.then((serves) => serves ? null : status),
      status,
    ]),
    kill: (signal) => child.kill(signal),
  };
}

/** Tells the process that started this one, if one did, that it serves. */
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

/** A command that starts this program as it was started. */
export interface OwnCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The folder that relative paths in `args` start from. */
  readonly folder: string;
}

/**
 * The command line of this process, flags of `deno run` included; null where
 * the system does not tell it. Ask for it at the start: an app may change the
 * folder, and an upgrade the program.
 */
export function knownCommand(): OwnCommand | null {
  const [name, ...args] = commandLine("self") ?? [];
  if (name === undefined) return null;
  const folder = Deno.cwd();
  // As it was written, not where its links lead: an upgrade may turn them.
  const command = name.includes("/") ? resolve(folder, name) : Deno.execPath();
  return { command, args, folder };
}

/** The same for what cannot do without. @throws {SystemError} */
export function ownCommand(): OwnCommand {
  const command = knownCommand();
  if (command !== null) return command;
  throw new SystemError(
    "This program cannot be started once more: the system does not tell how it was started (that takes Linux, /proc, and deno run -A).",
  );
}

/** The words that a process was started with; null where nobody tells. */
export function commandLine(process: number | "self"): string[] | null {
  try {
    return Deno.readTextFileSync(`/proc/${process}/cmdline`)
      .split("\0").slice(0, -1);
  } catch {
    return null;
  }
}

/**
 * True for process 1. The container ends with it, so that it can neither hand
 * over to another process nor go into the background; and processes that lose
 * their parent become its children.
 */
export const isFirstProcess: boolean = Deno.pid === 1;
