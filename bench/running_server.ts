/**
 * A contender that runs, seen from outside.
 *
 * @module
 */

import { spawn } from "./command.ts";
import type { Contender } from "./contenders.ts";
import { NotThere } from "./figures.ts";
import { findProgram } from "./machine.ts";
import { type ThreadTimes, threadTimes, treeMemory } from "./process_usage.ts";
import type { Workplace } from "./workplace.ts";

/** How long a contender may take to start (ms). */
const PATIENCE = 15_000;
/** Between two tries to reach one that starts (ms). */
const PAUSE = 2;

/** A started contender, ended when disposed of. */
export class RunningServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #log: Promise<string>;
  #ended = false;

  private constructor(
    readonly contender: Contender,
    readonly port: number,
    readonly workplace: Workplace,
  ) {
    const launch = contender.launch(port, workplace);
    const command = findProgram(launch.command) ?? launch.command;
    this.#child = spawn(
      { ...launch, command },
      contender.place ?? "server",
      { stdin: "null", stdout: "null", stderr: "piped" },
    );
    this.#log = new Response(this.#child.stderr).text();
    this.#child.status.then(() => this.#ended = true);
  }

  /**
   * Starts a contender; resolves when it has answered a first request.
   *
   * @throws {NotThere} When it is not installed or does not start.
   */
  static async start(
    contender: Contender,
    workplace: Workplace,
  ): Promise<RunningServer> {
    if (
      contender.program !== "deno" && findProgram(contender.program) === null
    ) {
      throw new NotThere(`${contender.program} is not installed`);
    }
    const server = new RunningServer(contender, freePort(), workplace);
    const deadline = performance.now() + PATIENCE;
    while (!await answers(server.port, deadline - performance.now())) {
      if (server.#ended || performance.now() > deadline) {
        await server[Symbol.asyncDispose]();
        const last = (await server.#log).trim().split("\n").at(-1);
        throw new NotThere(
          `${contender.name} did not start: ${last || "it said nothing"}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    return server;
  }

  get name(): string {
    return this.contender.name;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What the threads of it and its children took so far. */
  threadTimes(): ThreadTimes {
    return threadTimes(this.pid);
  }

  /** Bytes of memory that it and its children have in use. */
  memory(): number {
    return treeMemory(this.#child.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#log;
  }
}

/**
 * Whether a request is answered within `patience` ms; with TLS the end of a
 * connection counts.
 */
async function answers(port: number, patience: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    timer = setTimeout(() => connection.close(), patience);
    await connection.write(new TextEncoder().encode(
      `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`,
    ));
    await connection.read(new Uint8Array(1024));
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
