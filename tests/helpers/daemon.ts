/**
 * The real program in the background.
 *
 * @module
 */

import { until } from "./wait.ts";
import { type Ended, Program, type ProgramOptions } from "./run_program.ts";

const PID_FILE = "daemon.pid";

/** A daemon that serves. Disposing of it kills it and removes its folder. */
export class Daemon implements AsyncDisposable {
  pid: number;
  readonly #program: Program;
  /** How the command ended that started it. */
  readonly command: Ended;

  private constructor(program: Program, command: Ended) {
    this.#program = program;
    this.command = command;
    this.pid = Number(program.read(PID_FILE));
  }

  /** Runs the program with `-D` and a pid file; rejects when it fails. */
  static async start(
    args: readonly string[],
    options: ProgramOptions,
  ): Promise<Daemon> {
    const program = Program.spawn(["-D", "--pid", PID_FILE, ...args], options);
    try {
      const command = await program.ended();
      if (command.code !== 0) throw new Error(command.stderr);
      return new Daemon(program, command);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  get folder(): string {
    return this.#program.folder;
  }

  get url(): string {
    return this.#program.url;
  }

  /** The text of a file in its folder. */
  read(path: string): string {
    return this.#program.read(path);
  }

  /** What the daemon's pid file holds; null when there is none. */
  pidFile(): string | null {
    try {
      return this.read(PID_FILE);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  get isAlive(): boolean {
    return isAlive(this.pid);
  }

  /** Has another process take over (USR2); that one is the daemon then. */
  async renew(): Promise<void> {
    const { pid } = this;
    Deno.kill(pid, "SIGUSR2");
    await until(() => ![`${pid}\n`, "", null].includes(this.pidFile()));
    this.pid = Number(this.pidFile());
    await until(() => !isAlive(pid));
  }

  /** Sends it a signal and waits for its end. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    Deno.kill(this.pid, signal);
    await until(() => !this.isAlive);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) await this.stop("SIGKILL");
    await this.#program[Symbol.asyncDispose]();
  }
}

/** Tells whether a process is there, and no mere remains of one. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(
      Deno.readTextFileSync(`/proc/${pid}/status`),
    );
  } catch {
    return false;
  }
}
