/**
 * Pipes between processes: through one, a process tells the one that started it
 * that it serves; through two, a shell that stays root is asked.
 *
 * @module
 */

import { O_CLOEXEC, openLibc, requireLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  // Variadic in C, which makes no difference for integers on Linux.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: {
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const;

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Calls `start` with the number of a descriptor that the process started by it
 * inherits, and {@linkcode notifyReady} takes.
 *
 * @returns what `start` returns, and a promise that tells whether the signal
 * was given (true), or all that hold the descriptor are gone (false).
 * @throws {SystemError} When there can be no pipe.
 */
export function spawnWithReadyPipe<T>(
  start: (descriptor: number) => T,
): { started: T; signalled: Promise<boolean> } {
  // Open as long as the process: a read may be under way.
  const { pipe2, fcntl, close, read } =
    requireLibc("Starting another process", SYMBOLS).symbols;
  const ends = new Int32Array(2);
  if (pipe2(ends, O_CLOEXEC) !== 0) {
    throw new SystemError("No pipe can be made: too many files are open.");
  }
  const [readEnd, writeEnd] = ends;
  fcntl(writeEnd, F_SETFD, 0);
  let started: T;
  try {
    started = start(writeEnd);
  } catch (error) {
    close(readEnd);
    throw error;
  } finally {
    close(writeEnd);
  }
  const signalled = read(readEnd, new Uint8Array(1), 1n).then((count) => {
    close(readEnd);
    return count > 0;
  });
  return { started, signalled };
}

/** The end of a pipe that a process has inherited. */
export interface InheritedPipe {
  readonly descriptor: number;
  /** Device and inode: the number may be another file's by now. */
  readonly identity: string;
}

/**
 * Keeps an inherited pipe from the programs that this process starts.
 *
 * @returns null when the descriptor is no pipe: nobody waits for a signal.
 */
export function setCloseOnExec(descriptor: number): InheritedPipe | null {
  const identity = pipeIdentity(descriptor);
  if (identity === null) return null;
  const library = requireLibc("Answering the starting process", SYMBOLS);
  library.symbols.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  library.close();
  return { descriptor, identity };
}

/** Gives the signal, once; whether anybody still waits for it is no matter. */
export function notifyReady({ descriptor, identity }: InheritedPipe): void {
  // Only something else that closed a number not its own can have changed it.
  if (pipeIdentity(descriptor) !== identity) return;
  const library = requireLibc("Answering the starting process", SYMBOLS);
  const { write, close } = library.symbols;
  write(descriptor, new Uint8Array([1]), 1n);
  close(descriptor);
  library.close();
}

/** Device and inode of the pipe that `descriptor` is, or null. */
function pipeIdentity(descriptor: number): string | null {
  try {
    const path = `/proc/self/fd/${descriptor}`;
    const { isFifo, dev, ino } = Deno.statSync(path);
    return isFifo ? `${dev} ${ino}` : null;
  } catch {
    return null;
  }
}

/**
 * Reads a variable and removes it: it is not for the programs of apps. Null
 * when it is not set, or may not be read.
 */
export function takeVariable(variable: string): string | null {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  const text = state === "granted" ? Deno.env.get(variable) : undefined;
  if (text === undefined) return null;
  Deno.env.delete(variable);
  return text;
}

type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>["symbols"];

const SHELL = "/bin/sh";
/** Nothing of root's environment, which the starter may have written. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** How long an answer may take (ms). */
const ANSWER_TIMEOUT_MS = 10_000;

/** Ends each answer, as a line of its own. */
export const ANSWER_END = "==end of the answer==";

/** A shell script that reads lines from a pipe, and answers through another. */
export class RootShell {
  readonly #libc: Libc;
  readonly #requests: number;
  readonly #answers: number;

  private constructor(libc: Libc, requests: number, answers: number) {
    this.#libc = libc;
    this.#requests = requests;
    this.#answers = answers;
  }

  /**
   * Starts a script in a session of its own. Its first two arguments are the
   * descriptors of its pipes. When the last process that holds the other ends
   * has ended, its input ends.
   *
   * @returns null where that cannot be done.
   */
  static start(script: string, args: readonly string[]): RootShell | null {
    // Open as long as the process: a read may be under way.
    const libc = openLibc(SYMBOLS)?.symbols ?? null;
    if (libc === null) return null;
    const [requests, answers] = [new Int32Array(2), new Int32Array(2)];
    if (libc.pipe2(requests, O_CLOEXEC) !== 0) return null;
    if (libc.pipe2(answers, O_CLOEXEC) !== 0) return null;
    const theirs = [requests[0], answers[1]];
    for (const end of theirs) libc.fcntl(end, F_SETFD, 0);
    try {
      new Deno.Command(SHELL, {
        args: [
          "-c",
          script,
          "pagi-server-helper",
          ...theirs.map(String),
          ...args,
        ],
        cwd: "/",
        clearEnv: true,
        env: ENVIRONMENT,
        stdin: "null",
        stdout: "null",
        stderr: "null",
        detached: true,
      }).spawn().unref();
      return new RootShell(libc, requests[1], answers[0]);
    } catch {
      libc.close(requests[1]);
      libc.close(answers[0]);
      return null; // there is no shell
    } finally {
      for (const end of theirs) libc.close(end);
    }
  }

  /** The shell of a process that has handed it on, by what it called it. */
  static resume(name: string): RootShell | null {
    const libc = openLibc(SYMBOLS)?.symbols ?? null;
    const ends = /^(\d+) (\d+)$/.exec(name)?.slice(1).map(Number);
    if (libc === null || ends === undefined) return null;
    if (ends.some((end) => setCloseOnExec(end) === null)) return null;
    return new RootShell(libc, ends[0], ends[1]);
  }

  /** What a process is told that goes on with this shell. */
  get name(): string {
    return `${this.#requests} ${this.#answers}`;
  }

  /** Calls `start`, which starts a process that can go on with this shell. */
  handOn<T>(start: () => T): T {
    const ends = [this.#requests, this.#answers];
    for (const end of ends) this.#libc.fcntl(end, F_SETFD, 0);
    try {
      return start();
    } finally {
      for (const end of ends) this.#libc.fcntl(end, F_SETFD, FD_CLOEXEC);
    }
  }

  /** Says a line that has no answer. */
  tell(line: string): void {
    const bytes = new TextEncoder().encode(`${line}\n`);
    this.#libc.write(this.#requests, bytes, BigInt(bytes.length));
  }

  /** Says a line; resolves with the answer, or null when there is none. */
  async ask(line: string): Promise<string | null> {
    this.tell(line);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), ANSWER_TIMEOUT_MS);
    });
    const answer = await Promise.race([this.#answer(), late]);
    clearTimeout(timer);
    return answer;
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
