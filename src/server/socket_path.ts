/**
 * The file of a Unix socket.
 *
 * @module
 */

import { type Folder, type Place, placeOf } from "../system/folder.ts";
import { SystemError } from "../system/libc.ts";
import { ListenError, listenError } from "./listen_address.ts";
import { delay } from "../std/timer.ts";

/**
 * Where the engine binds. It removes what it has bound when it closes, whosever
 * that is then, so the file gets its own name afterwards.
 */
const BOUND = "pagi-server.socket";

/** A path for a socket. */
export class SocketPath {
  readonly #path: string;
  #identity: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes the path free, removing a socket that nobody listens at, and has
   * `bind` bind another path, which becomes this one in one step.
   *
   * @param takesOver Who listens there is about to go, and is not asked.
   * @param mode Permissions; null for what the umask says.
   * @throws {ListenError} When something else is there, or somebody listens.
   */
  async bind(
    takesOver: boolean,
    mode: number | null,
    bind: (path: string) => void,
  ): Promise<void> {
    // Between many sockets, a stop gets its turn.
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

  /** Removes the file, unless it is a successor's by now. */
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

/** Makes sure that there is nothing but a socket that may be replaced. */
async function free(
  { folder, name }: Place,
  path: string,
  takesOver: boolean,
): Promise<void> {
  const entry = folder.entry(name);
  {
    using found = folder.look(name);
    if (found === null) return;
    if (!found.info.isSocket) {
      throw new ListenError(
        `Cannot listen at ${path}: a file that is no socket is there. Choose another path with --socket.`,
      );
    }
  }
  // Who takes over replaces it in one step.
  if (takesOver) return;
  if (await somebodyListens(entry)) {
    throw new ListenError(
      `Cannot listen at ${path}: another program listens there. Stop that one, or choose another path with --socket.`,
    );
  }
  Deno.removeSync(entry);
}

/** A path that is free to be bound, until it is disposed of. */
interface BindingPlace extends Disposable {
  readonly path: string;
}

/**
 * Where others can change the folder, root binds in one of its own inside it:
 * nobody can put another file in the place of the socket before it has its
 * permissions.
 */
async function bindingPlace(place: Place): Promise<BindingPlace> {
  const { folder, name, isPrivate, isWatched } = place;
  if (!isWatched || isPrivate) {
    const fresh = `${name}.new`;
    await free({ ...place, name: fresh }, fresh, false);
    return { path: folder.entry(fresh), [Symbol.dispose]() {} };
  }
  const inner = `.${name}.${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(folder.entry(inner), { mode: 0o700 });
  const found = folder.look(inner);
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
    // Somebody has moved it.
  }
}

/**
 * Tells one socket's file from the next at the same path. The number alone
 * does not: the next often gets the same.
 */
function identity({ folder, name }: Place): string | null {
  using found = folder.look(name);
  if (!found?.info.isSocket) return null;
  return `${found.info.ino} ${found.info.mtime?.getTime()}`;
}

async function somebodyListens(path: string): Promise<boolean> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
    return true;
  } catch (error) {
    // Other errors come of a listener that is busy, or another user's.
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
