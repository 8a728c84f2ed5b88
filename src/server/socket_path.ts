/** The file of a Unix socket. */

import { type Folder, isRoot, type Place, placeOf } from "../system/folder.ts";
import { SystemError } from "../system/libc.ts";
import { ListenError, listenError } from "./listen_address.ts";
import { delay } from "../std/timer.ts";

/**
 * Name that the engine binds. On close, the engine removes that path even if
 * another process has bound it since; so the file is renamed once it is bound.
 */
const BOUND = "pagi-server.socket";

/** The path of a Unix socket that this server listens at. */
export class SocketPath {
  readonly #path: string;
  #identity: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Removes a stale socket, calls `bind` with a temporary path, and renames that
   * to this path atomically.
   *
   * @param takesOver Replace a socket that another process still listens at.
   * @param mode Permissions; null: by the umask.
   * @throws {ListenError} When the path is in use by a file or a listener.
   */
  async bind(
    takesOver: boolean,
    mode: number | null,
    bind: (path: string) => void,
  ): Promise<void> {
    // Lets a stop be handled between the binding of many sockets.
    await delay(0);
    try {
      using place = placeOf(this.#path);
      await free(place, this.#path, takesOver);
      using at = await bindingPlace(place);
      bind(at.path);
      if (mode !== null) Deno.chmodSync(at.path, mode);
      Deno.renameSync(at.path, place.folder.entry(place.name));
      this.#identity = identity(place);
    } catch (error) {
      if (error instanceof ListenError) throw error;
      throw listenError({ path: this.#path }, error);
    }
  }

  /** Removes the file, unless another server has replaced it. */
  release(): void {
    if (this.#identity === null) return;
    try {
      using place = placeOf(this.#path);
      if (identity(place) !== this.#identity) return;
      Deno.removeSync(place.folder.entry(place.name));
    } catch (error) {
      const gone = error instanceof Deno.errors.NotFound ||
        error instanceof SystemError;
      if (!gone) throw error;
    }
  }
}

/**
 * Checks, without changing anything, whether a socket can be bound at `path`.
 *
 * @throws {ListenError} When the path is in use by a file or a listener.
 */
export async function checkSocketPath(path: string): Promise<void> {
  try {
    using place = placeOf(path);
    await isStale(place, path);
  } catch (error) {
    if (error instanceof ListenError) throw error;
    throw listenError({ path }, error);
  }
}

/** Removes a stale socket; refuses any other file. @throws {ListenError} */
async function free(
  place: Place,
  path: string,
  takesOver: boolean,
): Promise<void> {
  // The rename replaces the socket that is taken over from.
  if (!await isStale(place, path, takesOver) || takesOver) return;
  Deno.removeSync(place.folder.entry(place.name));
}

/** True if a socket exists and nothing listens there; false if there is none. */
async function isStale(
  { folder, name }: Place,
  path: string,
  takesOver = false,
): Promise<boolean> {
  {
    using found = folder.lookUp(name);
    if (found === null) return false;
    if (!found.info.isSocket) {
      throw new ListenError(
        `Cannot listen on ${path}: the file there is not a socket. Choose another path with --socket.`,
      );
    }
  }
  if (!takesOver && await somebodyListens(folder.entry(name))) {
    throw new ListenError(
      `Cannot listen on ${path}: another program listens there. Stop that one, or choose another path with --socket.`,
    );
  }
  return true;
}

/** A temporary path to bind; disposing of it removes its folder, if any. */
interface BindingPlace extends Disposable {
  readonly path: string;
}

/**
 * If other users can write to the folder, root binds in a private folder inside
 * it, so that nobody can replace the socket before its permissions are set.
 */
async function bindingPlace(place: Place): Promise<BindingPlace> {
  const { folder, name, isPrivate } = place;
  if (!isRoot() || isPrivate) {
    const fresh = `${name}.new`;
    await free({ ...place, name: fresh }, fresh, false);
    return { path: folder.entry(fresh), [Symbol.dispose]() {} };
  }
  const inner = `.${name}.${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(folder.entry(inner), { mode: 0o700 });
  const found = folder.lookUp(inner);
  const { isDirectory, uid, mode } = found?.info ?? {};
  if (!isDirectory || uid !== 0 || (mode! & 0o077) !== 0) {
    found?.[Symbol.dispose]();
    throw new SystemError(`${inner} was replaced as soon as it was there`);
  }
  const own: Folder = folder.enter(found!);
  return {
    path: own.entry(BOUND),
    [Symbol.dispose]() {
      own[Symbol.dispose]();
      removeFolder(folder.entry(inner));
    },
  };
}

function removeFolder(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Another user has moved it.
  }
}

/**
 * Identifies the socket's file: inode number and modification time, as file
 * systems reuse inode numbers at once.
 */
function identity({ folder, name }: Place): string | null {
  using found = folder.lookUp(name);
  if (!found?.info.isSocket) return null;
  return `${found.info.ino} ${found.info.mtime?.getTime()}`;
}

async function somebodyListens(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch (error) {
    // EAGAIN (full backlog) and EACCES come from a socket in use (connect(2)).
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
