/**
 * The real program, as a process of its own in a folder of its own.
 *
 * @module
 */

import { dirname, fromFileUrl, join } from "../../src/std/path.ts";
import { PATIENCE } from "./wait.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** How to start the program. Nothing of the test's environment reaches it. */
export interface ProgramOptions {
  /** What its folder holds, by relative path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where in its folder it starts (`.`). */
  readonly cwd?: string;
  /** Its environment; null removes a variable that it would have. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Shell code that becomes the program: `ulimit -n 128; exec "$@"`. */
  readonly shell?: string;
  /** Permissions (`-A`). */
  readonly permissions?: readonly string[];
  /** What to run: the file or specifier of the program (`main.ts` here). */
  readonly main?: string;
  /** A compiled program to run instead; it gets `env` and nothing else. */
  readonly executable?: string;
}

/** How a program ended, and what it wrote until then. */
export interface Ended {
  /** Null after a signal. */
  readonly code: number | null;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export async function runProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  await using program = Program.spawn(args, options);
  return await program.ended();
}

/** Starts the program; resolves when it serves. */
export async function startProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const program = Program.spawn(args, options);
  try {
    await program.logged(/ info {2}Ready|"Ready at|^ {2}stop it with/m);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running program. Disposing of it kills it and removes its folder. */
export class Program implements AsyncDisposable {
  /** What it wrote to its standard error so far. */
  log = "";
  #stdout = "";
  readonly folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #status: Promise<Deno.CommandStatus>;
  readonly #outputs: Promise<void>;
  #onLog = new Set<() => void>();
  #over = false;

  private constructor(folder: string, child: Deno.ChildProcess) {
    this.folder = folder;
    this.#child = child;
    this.#status = child.status;
    const end = (): void => {
      this.#over = true;
      this.#notify();
    };
    this.#outputs = Promise.all([
      read(child.stdout, (text) => void (this.#stdout += text)),
      read(child.stderr, (text) => {
        this.log += text;
        this.#notify();
      }),
    ]).then(end, end);
  }

  /** Starts it and does not wait. */
  static spawn(
    args: readonly string[],
    {
      files = {},
      cwd = ".",
      env = {},
      shell,
      permissions = ["-A"],
      main = join(ROOT, "main.ts"),
      executable,
    }: ProgramOptions = {},
  ): Program {
    const folder = Deno.realPathSync(
      Deno.makeTempDirSync({ prefix: "pagi-e2e-" }),
    );
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(join(folder, path)), { recursive: true });
      Deno.writeTextFileSync(join(folder, path), text);
    }
    const program = executable === undefined
      ? [Deno.execPath(), "run", ...permissions, main, ...args]
      : [executable, ...args];
    const [command, ...rest] = shell === undefined
      ? program
      : ["sh", "-c", shell, "sh", ...program];
    const child = new Deno.Command(command, {
      args: rest,
      cwd: join(folder, cwd),
      clearEnv: true,
      env: executable === undefined ? environment(env) : given(env),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Program(folder, child);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The port of its first address, as the log tells it. */
  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** The URL of its first address, without a slash at the end. */
  get url(): string {
    const url = /\bhttps?:\/\/\S+:\d+(?=\/[\s"])/.exec(this.log)?.[0];
    if (url === undefined) throw new Error(`no URL in the log:\n${this.log}`);
    return url;
  }

  /** Waits until the log matches; rejects when the program ends before. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#notify();
    }, PATIENCE);
    try {
      while (true) {
        const match = pattern.exec(this.log);
        if (match !== null) return match;
        if (timedOut || this.#over) {
          const how = timedOut ? "was not logged in time" : "was never logged";
          throw new Error(`${pattern} ${how}:\n${this.log}`);
        }
        await new Promise<void>((resolve) => this.#onLog.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends it a signal and waits for its end. */
  stop(signal: Deno.Signal = "SIGTERM"): Promise<Ended> {
    this.signal(signal);
    return this.ended();
  }

  /** Waits for its end. */
  async ended(): Promise<Ended> {
    const timer = setTimeout(() => this.signal("SIGKILL"), PATIENCE);
    const { code, signal } = await this.#status;
    clearTimeout(timer);
    await this.#outputs;
    return {
      code: signal === null ? code : null,
      signal,
      stdout: this.#stdout,
      stderr: this.log,
    };
  }

  /** The text of a file in its folder. */
  read(path: string): string {
    return Deno.readTextFileSync(join(this.folder, path));
  }

  /** The memory it has in use, in bytes (Linux). */
  memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** How many files and connections it has open (Linux). */
  descriptors(): number {
    return [...Deno.readDirSync(`/proc/${this.pid}/fd`)].length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#status;
    await this.#outputs;
    Deno.removeSync(this.folder, { recursive: true });
  }

  #notify(): void {
    const waiting = this.#onLog;
    this.#onLog = new Set();
    for (const resolve of waiting) resolve();
  }
}

/** What Deno needs to find its packages, and what keeps its output plain. */
function environment(
  variables: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "NPM_CONFIG_REGISTRY"];
  // Without these two nothing runs on Windows.
  const inherited = [...names, "SystemRoot", "TEMP"]
    .map((name) => [name, Deno.env.get(name) ?? null] as const);
  return given({
    ...Object.fromEntries(inherited),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
    ...variables,
  });
}

/** The variables that are not to be removed. */
function given(
  variables: Readonly<Record<string, string | null>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === null ? [] : [[name, value] as const]
    ),
  );
}

async function read(
  stream: ReadableStream<Uint8Array>,
  take: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    take(decoder.decode(bytes, { stream: true }));
  }
}
