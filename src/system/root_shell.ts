/**
 * A shell that stays root when its server becomes another user.
 *
 * @module
 */

import { O_CLOEXEC, openLibc } from "./libc.ts";
import { keepToMyself } from "./signal_pipe.ts";

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

type Libc = NonNullable<ReturnType<typeof openLibc<typeof SYMBOLS>>>["symbols"];

const SHELL = "/bin/sh";
/** Nothing of root's environment, which the starter may have written. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** How long an answer may take (ms). */
const PATIENCE_MS = 10_000;

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
    if (ends.some((end) => keepToMyself(end) === null)) return null;
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
      timer = setTimeout(() => resolve(null), PATIENCE_MS);
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
