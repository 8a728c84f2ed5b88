/**
 * Programs that run on cores of their own.
 *
 * @module
 */

import { NotThere } from "./figures.ts";
import { cores, findProgram } from "./machine.ts";

/**
 * Where a program runs: servers and load are kept apart. "two" are the first
 * two cores, of which the load has one where there are no more.
 */
export type Place = "server" | "load" | "two";

/** A program and what it is given. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const TASKSET = findProgram("taskset");
const CORES = cores();
const PLACES: Readonly<Record<Place, string>> = {
  server: String(CORES[0]),
  load: String(CORES.at(-1)),
  two: CORES.slice(0, 2).join(),
};

/** Whether servers and load are kept apart. */
export const PINNED: boolean = TASKSET !== null && CORES.length > 1;

/** Moves this process to the core of the load, away from the servers. */
export function stayAside(): void {
  if (!PINNED) return;
  new Deno.Command(TASKSET!, {
    args: ["-a", "-c", "-p", PLACES.load, String(Deno.pid)],
    stdout: "null",
  }).outputSync();
}

/** How many files a process may have open. */
export const DESCRIPTORS: number = descriptors();

/** Starts a program at its place, with as many descriptors as it may have. */
export function spawn(
  { command, args, env = {} }: Launch,
  place: Place,
  streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr">,
): Deno.ChildProcess {
  const pin = PINNED ? [TASKSET!, "-c", PLACES[place]] : [];
  const raise = ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh"];
  const [first, ...rest] = [...pin, ...raise, command, ...args];
  return new Deno.Command(first, {
    args: rest,
    clearEnv: true,
    env: { ...environment(), ...env },
    ...streams,
  }).spawn();
}

/**
 * Runs a program to its end, on all cores.
 *
 * @throws {NotThere} With its last line, when it fails.
 */
export function run({ command, args }: Launch): void {
  const pin = PINNED ? [TASKSET!, "-c", CORES.join()] : [];
  const [first, ...rest] = [...pin, command, ...args];
  const { success, stderr } = new Deno.Command(first, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  if (success) return;
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  throw new NotThere(`${command} failed: ${lines.at(-1)}`);
}

/** Ours without what would change the contenders. */
function environment(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^(PAGI|BENCH|UVICORN|NODE_OPTIONS|DENO_V8)/.test(name)
  );
  return {
    ...Object.fromEntries(kept),
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
}

function descriptors(): number {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] })
    .outputSync();
  const text = new TextDecoder().decode(stdout).trim();
  return text === "unlimited" ? Infinity : Number(text);
}
