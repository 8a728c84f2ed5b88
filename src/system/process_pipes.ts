/**
 * Pipes between processes: one by which a process tells the one that started
 * it that it is ready, and two by which a shell that stays root is asked.
 */

import { settledWithin } from "../std/timer.ts";
import {
  descriptorPath,
  type Libc,
  O_CLOEXEC,
  openLibc,
  requireLibc,
  SystemError,
} from "./libc.ts";

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: {
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

type Functions = Libc<typeof SYMBOLS>["symbols"];

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Calls `start` with the number of a descriptor that the process started by it
 * inherits and gives to {@linkcode notifyReady}.
 *
 * @returns what `start` returns, and a promise of whether that process was
 * ready (true) or all that held the descriptor have ended (false)
 * @throws {SystemError} When no pipe can be made.
 */
export function spawnWithReadyPipe<T>(
  start: (descriptor: number) => T,
): { started: T; signalled: Promise<boolean> } {
  // Stays open: a read may be under way until the process ends.
  const libc = requireLibc("Starting another process", SYMBOLS).symbols;
  const ends = makePipe(libc);
  if (ends === null) {
    throw new SystemError("No pipe can be made: too many files are open.");
  }
  const [readEnd, writeEnd] = ends;
  let started: T;
  try {
    started = handOn(libc, [writeEnd], () => start(writeEnd));
  } catch (error) {
    libc.close(readEnd);
    throw error;
  } finally {
    libc.close(writeEnd);
  }
  const signalled = libc.read(readEnd, new Uint8Array(1), 1n).then((count) => {
    libc.close(readEnd);
    return count > 0;
  });
  return { started, signalled };
}

/** The reading and the writing end of a new pipe. */
function makePipe(libc: Functions): [number, number] | null {
  const ends = new Int32Array(2);
  return libc.pipe2(ends, O_CLOEXEC) === 0 ? [ends[0], ends[1]] : null;
}

/** Calls `start`, whose process inherits the descriptors `ends`. */
function handOn<T>(
  libc: Functions,
  ends: readonly number[],
  start: () => T,
): T {
  for (const end of ends) libc.fcntl(end, F_SETFD, 0);
  try {
    return start();
  } finally {
    for (const end of ends) libc.fcntl(end, F_SETFD, FD_CLOEXEC);
  }
}

/** The end of a pipe that this process has inherited. */
export interface InheritedPipe {
  readonly descriptor: number;
  /** Device and inode, since the number may be reused for another file. */
  readonly identity: string;
}

/**
 * Keeps programs that this process starts from inheriting a pipe.
 *
 * @returns null if the descriptor is not a pipe: nobody waits for a signal
 */
export function setCloseOnExec(descriptor: number): InheritedPipe | null {
  const identity = pipeIdentity(descriptor);
  if (identity === null) return null;
  using libc = requireLibc("Answering the starting process", SYMBOLS);
  libc.symbols.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return { descriptor, identity };
}

/** Tells the starting process, if it still waits; to be called once. */
export function notifyReady({ descriptor, identity }: InheritedPipe): void {
  // The number is reused only if other code closed what it had not opened.
  if (pipeIdentity(descriptor) !== identity) return;
  using libc = requireLibc("Answering the starting process", SYMBOLS);
  libc.symbols.write(descriptor, new Uint8Array([1]), 1n);
  libc.symbols.close(descriptor);
}

/** Device and inode of the pipe that `descriptor` refers to, or null. */
function pipeIdentity(descriptor: number): string | null {
  try {
    const { isFifo, dev, ino } = Deno.statSync(descriptorPath(descriptor));
    return isFifo ? `${dev} ${ino}` : null;
  } catch {
    return null;
  }
}

/**
 * Reads an environment variable and removes it, so that programs started by
 * apps do not inherit it. Null if it is not set or may not be read.
 */
export function takeVariable(variable: string): string | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const text = state === "granted" ? Deno.env.get(variable) : undefined;
  if (text === undefined) return null;
  Deno.env.delete(variable);
  return text;
}

const SHELL = "/bin/sh";
/** Nothing from the environment of root, which a user may have written. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** Longest wait for an answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

/** The last line of each answer. */
export const ANSWER_END = "==end of the answer==";

/**
 * A shell script that reads lines from one pipe and answers by another. Its C
 * library stays open, as a read may be under way until the process ends.
 */
export class RootShell {
  readonly #libc: Functions;
  readonly #requests: number;
  readonly #answers: number;

  private constructor(libc: Functions, requests: number, answers: number) {
    this.#libc = libc;
    this.#requests = requests;
    this.#answers = answers;
  }

  /**
   * Starts a script in a session of its own. Its first two arguments are the
   * descriptors that it reads from and writes to. Its input ends when the last
   * process that holds the other ends has ended.
   *
   * @returns null where that is not possible
   */
  static start(script: string, args: readonly string[]): RootShell | null {
    const libc = openLibc(SYMBOLS)?.symbols;
    const requests = libc && makePipe(libc);
    const answers = libc && makePipe(libc);
    if (!libc || !requests || !answers) return null;
    const theirs = [requests[0], answers[1]];
    const name = "pagi-server-helper";
    const command = new Deno.Command(SHELL, {
      args: ["-c", script, name, ...theirs.map(String), ...args],
      cwd: "/",
      clearEnv: true,
      env: ENVIRONMENT,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    });
    try {
      handOn(libc, theirs, () => command.spawn().unref());
      return new RootShell(libc, requests[1], answers[0]);
    } catch {
      libc.close(requests[1]);
      libc.close(answers[0]);
      return null; // there is no shell
    } finally {
      for (const end of theirs) libc.close(end);
    }
  }

  /** The shell that another process has handed on under this name. */
  static resume(name: string): RootShell | null {
    const libc = openLibc(SYMBOLS)?.symbols;
    const ends = /^(\d+) (\d+)$/.exec(name)?.slice(1).map(Number);
    if (libc === undefined || ends === undefined) return null;
    if (ends.some((end) => setCloseOnExec(end) === null)) return null;
    return new RootShell(libc, ends[0], ends[1]);
  }

  /** What {@linkcode resume} needs to continue with this shell. */
  get name(): string {
    return `${this.#requests} ${this.#answers}`;
  }

  /** Calls `start`, whose process can continue with this shell. */
  handOn<T>(start: () => T): T {
    return handOn(this.#libc, [this.#requests, this.#answers], start);
  }

  /** Sends a line; resolves with the answer, or null if there is none. */
  async ask(line: string): Promise<string | null> {
    const bytes = new TextEncoder().encode(`${line}\n`);
    this.#libc.write(this.#requests, bytes, BigInt(bytes.length));
    const answer = this.#answer();
    const isInTime = await settledWithin(answer, ANSWER_TIMEOUT_MS);
    return isInTime ? await answer : null;
  }

  async #answer(): Promise<string | null> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const buffer = new Uint8Array(64 * 1024);
    const size = BigInt(buffer.length);
    let text = "";
    while (!text.endsWith(`${ANSWER_END}\n`)) {
      const count = Number(await this.#libc.read(this.#answers, buffer, size));
      if (count <= 0) return null;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return text.slice(0, -ANSWER_END.length - 1);
  }
}
