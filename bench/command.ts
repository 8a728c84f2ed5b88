/**
 * Programs that run on cores of their own.
 *
 * @module
 */

import { cores, findProgram } from "./machine.ts";

/** Where a program runs: servers and load are kept apart. */
export type Place = "server" | "load" | "everywhere";

/** A program and what it is given. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const TASKSET = findProgram("taskset");
const [SERVER_CORE, LOAD_CORE] = cores();

/** Whether servers and load are kept apart. */
export const PINNED: boolean = TASKSET !== null && LOAD_CORE !== undefined;

/** How many files a process may have open. */
export const DESCRIPTORS: number = descriptors();

/** Starts a program at its place, with as many descriptors as it may have. */
export function spawn(
  { command, args, env = {} }: Launch,
  place: Place,
  streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr">,
): Deno.ChildProcess {
  const core = place === "server" ? SERVER_CORE : LOAD_CORE;
  const pin = PINNED && place !== "everywhere"
    ? [TASKSET!, "-c", String(core)]
    : [];
  const raise = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];
  const [first, ...rest] = [...pin, ...raise, command, ...args];
  return new Deno.Command(first, {
    args: rest,
    clearEnv: true,
    env: { ...environment(), ...env },
    ...streams,
  }).spawn();
}

/** Ours without what would change the contenders. */
function environment(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^(PAGI|BENCH|UVICORN|NODE_OPTIONS|DENO_V8)/.test(name)
  );
  return { ...Object.fromEntries(kept), DENO_NO_UPDATE_CHECK: "1" };
}

function descriptors(): number {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] })
    .outputSync();
  const text = new TextDecoder().decode(stdout).trim();
  return text === "unlimited" ? Infinity : Number(text);
}
