/**
 * The Unix sockets of a server with several workers.
 *
 * @module
 */

import { SharedListener } from "../engine/unix_listener.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { ListenError } from "../server/listen_address.ts";
import type { SharedSocket } from "../server/listener.ts";
import { SocketPath } from "../server/socket_path.ts";

/** How to bind them. */
export interface SocketOptions {
  /** Permissions of the files; null for what the umask says. */
  readonly mode: number | null;
  /** Who listens at the same paths is about to go. */
  readonly takesOver: boolean;
}

interface Open {
  readonly path: string;
  /** The name that the kernel keeps, though the file has been renamed. */
  readonly bound: string;
  readonly file: SocketPath;
  readonly listener: SharedListener;
}

/**
 * Unix sockets that all workers accept from: bound once, by the main thread,
 * and open until it closes them, so that connections wait in the kernel's queue
 * while workers come and go.
 */
export class SharedSockets {
  #open: Open[] = [];

  /** @throws {ListenError} */
  static async open(
    addresses: readonly ListenAddress[],
    options: SocketOptions,
  ): Promise<SharedSockets> {
    const sockets = new SharedSockets();
    // Also when the server fails, which closes nothing.
    globalThis.addEventListener("unload", () => sockets.release());
    try {
      for (const address of addresses) {
        if ("path" in address) {
          sockets.#open.push(await bind(address.path, options));
        }
      }
    } catch (error) {
      sockets.close();
      throw error;
    }
    return sockets;
  }

  /** What the worker of that number is told, by path. */
  forWorker(number: number): ReadonlyMap<string, SharedSocket> {
    return new Map(
      this.#open.map(({ path, bound, listener: { fd } }) => [
        path,
        { fd, bound, own: `${path}.${number}` },
      ]),
    );
  }

  /** Removes their files, unless they are a successor's by now. */
  release(): void {
    for (const { file } of this.#open) file.release();
  }

  /** Closes them and removes their files. */
  close(): void {
    this.release();
    for (const { listener } of this.#open) listener.close();
    this.#open = [];
  }
}

async function bind(
  path: string,
  { mode, takesOver }: SocketOptions,
): Promise<Open> {
  const file = new SocketPath(path);
  let engine: Deno.UnixListener | null = null;
  let bound = "";
  let listener: SharedListener | null = null;
  try {
    await file.bind(takesOver, mode, (at) => {
      bound = at;
      engine = Deno.listen({ transport: "unix", path: at });
      listener = SharedListener.keep(at);
      if (listener !== null) return;
      throw new ListenError(`Cannot listen on ${path}: it cannot be shared.`);
    });
    return { path, bound, file, listener: listener! };
  } catch (error) {
    (listener as SharedListener | null)?.close();
    throw error;
  } finally {
    // The listener lives on by the descriptor that was kept.
    (engine as Deno.UnixListener | null)?.close();
  }
}
