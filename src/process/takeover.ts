/**
 * One process that takes over from another (PAGI.md 6, "Hot restart").
 *
 * The old one starts the new one with the same command line. They talk over a
 * Unix socket: the new one says when it serves, the old one when it has closed
 * its listeners.
 *
 * @module
 */

import type { ListenAddress } from "../options/value_types.ts";
import { log } from "../log/log.ts";
import { join } from "../std/path.ts";
import { safeTempFolder } from "../system/folder.ts";
import { type Timer, timerDelay } from "../std/timer.ts";
import {
  type OwnCommand,
  type OwnProcess,
  startOwnProcess,
} from "./own_process.ts";

/** Tells a process that it takes over, and from whom. */
const VARIABLE = "PAGI_TAKEOVER";

/** What a process hands over. */
export interface Handover {
  /** Where the old process listens, with real ports. */
  readonly addresses: readonly ListenAddress[];
  /** How many listeners it has at each. */
  readonly listeners: number;
}

/** What the new process is told. */
interface Message extends Handover {
  /** The socket to talk over. */
  readonly path: string;
}

/** The old process, as the new one sees it. */
export interface Predecessor {
  readonly addresses: readonly ListenAddress[];
  readonly listeners: number;
  /**
   * Tells it that this process serves with `listeners` at each address;
   * resolves when it has closed its own.
   */
  serving(listeners: number): Promise<void>;
}

/** The process that this one takes over from, if any. */
export function predecessor(): Predecessor | null {
  const text = Deno.env.get(VARIABLE);
  if (text === undefined) return null;
  // Apps and what they start have no part in this.
  Deno.env.delete(VARIABLE);
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

/** The new process, as the old one sees it. */
export interface Successor {
  readonly pid: number;
  /** How many listeners it has at each address. */
  readonly listeners: number;
  /** Tells it that this process has closed its own. */
  closed(): Promise<void>;
}

/** How long a successor may take to end that was given up (ms). */
const END_MS = 1000;

/**
 * Starts a process with this one's command line, which takes over.
 *
 * @param timeout Seconds that it may take to serve; 0 for any number.
 * @param stopping Ends it unless it serves already.
 * @returns The successor once it serves; null when it does not get so far, and
 * has ended.
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
        if (status === null) return; // it serves, and will say so here
        if (!stopping.aborted) {
          const how = status.signal ?? `exit code ${status.code}`;
          log.error(
            `The successor ended with ${how} before it served; this process goes on.`,
          );
        }
        resolve(null);
      });
    });
    const late = new AbortController();
    const timer = timeout > 0
      ? setTimeout(() => {
        log.error(
          `The successor does not serve after ${timeout} s: it is given up.`,
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

/** Ends a process once `signal` is aborted; by force when it does not end. */
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

/** What comes up to the end of the line, or of the connection. */
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
