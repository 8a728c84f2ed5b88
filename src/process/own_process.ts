/**
 * Processes of this program that it starts itself.
 *
 * @module
 */

import { handOnLowPorts } from "../system/privileges.ts";
import {
  giveSignal,
  type InheritedPipe,
  keepToMyself,
  startWithSignal,
} from "../system/signal_pipe.ts";
import type { OwnCommand } from "./own_command.ts";
import { rootHelper } from "./root_helper.ts";
import { takeVariable } from "./own_variable.ts";

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

const start = readStart();

/** Why another process of this program started this one; null if none did. */
export const startedAs: StartedAs | null = start?.as ?? null;

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
  const { started: child, signalled } = startWithSignal((descriptor) => {
    const spawn = (more: Record<string, string>): Deno.ChildProcess => {
      const program = new Deno.Command(command, {
        args: [...args],
        cwd: folder,
        env: { ...env, ...more, [VARIABLE]: `${as} ${descriptor}` },
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
  if (start !== null) giveSignal(start.pipe);
}

function readStart(): { as: StartedAs; pipe: InheritedPipe } | null {
  if (Deno.build.os !== "linux") return null;
  const text = takeVariable(VARIABLE);
  const match = /^(daemon|successor) (\d+)$/.exec(text ?? "");
  if (match === null) return null;
  const pipe = keepToMyself(Number(match[2]));
  return pipe && { as: match[1] as StartedAs, pipe };
}
