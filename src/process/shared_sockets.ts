/** The Unix sockets of a server with several workers. */

import { SharedListener } from "../engine/unix_listener.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { ListenError } from "../server/listen_address.ts";
import type { SharedSocket } from "../server/listener.ts";
import { SocketPath } from "../server/socket_path.ts";

/** How to bind them. */
export interface SocketOptions {
  /** Permissions of the files; null for those of the umask. */
  readonly mode: number | null;
  /** True when a predecessor listens at the same paths. */
  readonly takesOver: boolean;
}

interface Open {
  readonly path: string;
  /** The name that the kernel reports, although the file has been renamed. */
  readonly bound: string;
  readonly file: SocketPath;
  readonly listener: SharedListener;
}

/**
 * Unix sockets that all workers accept from. The main thread binds them once
 * and keeps them open, so that connections wait in the kernel's queue while
 * workers are replaced.
 */
export class SharedSockets {
  #open: Open[] = [];

  /** @throws {ListenError} */
  static async open(
    addresses: readonly ListenAddress[],
    options: SocketOptions,
  ): Promise<SharedSockets> {
    const sockets = new SharedSockets();
    // Also when the server fails without closing anything.
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

  /** The sockets by path, for the worker with that number. */
  forWorker(number: number): ReadonlyMap<string, SharedSocket> {
    return new Map(
      this.#open.map(({ path, bound, listener: { fd } }) => [
        path,
        { fd, bound, own: `${path}.${number}` },
      ]),
    );
  }

  /** Removes their files, unless they belong to a successor by now. */
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
    // The kept descriptor keeps the socket open.
    (engine as Deno.UnixListener | null)?.close();
  }
}
