/**
 * Hot restart: one process takes over from another (PAGI.md 6).
 *
 * The old process (predecessor) starts the new one (successor) with the same
 * command line. Over a Unix socket the successor reports that it serves, and
 * the predecessor that it has closed its listeners.
 */

import type { ListenAddress } from "../options/value_types.ts";
import { log } from "../log/log.ts";
import { join } from "../std/path.ts";
import { safeTempFolder } from "../system/folder.ts";
import { takeVariable } from "../system/process_pipes.ts";
import { type Timer, timerDelay } from "../std/timer.ts";
import {
  type OwnCommand,
  type OwnProcess,
  startOwnProcess,
} from "./own_process.ts";

/** Environment variable with the {@linkcode Message} for a successor. */
const VARIABLE = "PAGI_TAKEOVER";

/** What a process hands over. */
export interface Handover {
  /** Where the predecessor listens, with real ports. */
  readonly addresses: readonly ListenAddress[];
  /** The number of its listeners at each address. */
  readonly listeners: number;
}

interface Message extends Handover {
  /** The Unix socket to connect to. */
  readonly path: string;
}

/** The process that this one takes over from. */
export interface Predecessor extends Handover {
  /**
   * Reports that this process serves with `listeners` at each address; resolves
   * when the predecessor has closed its own.
   */
  serving(listeners: number): Promise<void>;
}

/** The process that this one takes over from, if any. */
export function predecessor(): Predecessor | null {
  const text = takeVariable(VARIABLE);
  if (text === null) return null;
  const { path, addresses, listeners }: Message = JSON.parse(text);
  return {
    addresses,
    listeners,
    async serving(count) {
      const connection = await Deno.connect({ transport: "unix", path });
      await connection.write(new TextEncoder().encode(`${count}\n`));
      await readLine(connection);
      connection.close();
    },
  };
}

/** The process that takes over from this one. */
export interface Successor {
  readonly pid: number;
  /** The number of its listeners at each address. */
  readonly listeners: number;
  /** Resolves with how it ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
  /** Reports that this process has closed its listeners. */
  closed(): Promise<void>;
}

/** Time between SIGTERM and SIGKILL for a successor that does not serve (ms). */
const END_MS = 1000;

/**
 * Starts a process with this one's command line, which takes over.
 *
 * @param timeout Seconds until it must serve; 0 for no limit.
 * @param stopping Ends it unless it serves already.
 * @returns The successor once it serves; null when it has ended before.
 */
export async function startSuccessor(
  command: OwnCommand,
  handover: Handover,
  timeout: number,
  stopping: AbortSignal,
): Promise<Successor | null> {
  const folder = await Deno.makeTempDir({
    dir: safeTempFolder(),
    prefix: "pagi-server-",
  });
  const path = join(folder, "takeover");
  const server = Deno.listen({ transport: "unix", path });
  try {
    const message: Message = { ...handover, path };
    const child = startOwnProcess("successor", command, {
      [VARIABLE]: JSON.stringify(message),
    });
    const ended = new Promise<null>((resolve) => {
      child.outcome.then((status) => {
        if (status === null) return; // it serves
        if (!stopping.aborted) {
          const how = status.signal ?? `exit code ${status.code}`;
          log.error(
            `The successor ended with ${how} before it served; this process keeps serving.`,
          );
        }
        resolve(null);
      });
    });
    const late = new AbortController();
    const timer = timeout > 0
      ? setTimeout(() => {
        log.error(
          `The successor did not start serving within ${timeout} s, so it is stopped.`,
        );
        late.abort();
      }, timerDelay(timeout))
      : undefined;
    using _ = endWhen(AbortSignal.any([stopping, late.signal]), child);
    const greeted = server.accept().then(async (connection) => ({
      connection,
      listeners: Number(await readLine(connection)),
    }));
    const greeting = await Promise.race([greeted, ended]);
    clearTimeout(timer);
    if (greeting === null) return null;
    const { connection, listeners } = greeting;
    return {
      pid: child.pid,
      listeners,
      ended: child.ended,
      kill: child.kill,
      async closed() {
        await connection.write(new TextEncoder().encode("closed\n"));
        connection.close();
      },
    };
  } finally {
    server.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Ends a process once `signal` is aborted, at last by SIGKILL. */
function endWhen(signal: AbortSignal, child: OwnProcess): Disposable {
  let timer: Timer | undefined;
  const kill = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // It has ended already.
    }
  };
  const end = () => {
    kill("SIGTERM");
    timer = setTimeout(() => kill("SIGKILL"), END_MS);
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", end);
      clearTimeout(timer);
    },
  };
}

/** Reads up to the end of the line, or of the connection. */
async function readLine(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(64);
  while (!text.includes("\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text.trim();
}
