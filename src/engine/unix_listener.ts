/**
 * One Unix socket that several threads accept from.
 *
 * A Unix socket has one listener for its path: the kernel spreads nothing, as
 * it does over the listeners of a port (SO_REUSEPORT is ignored). But threads
 * share descriptors. Each has the engine listen at a path of its own, and puts
 * the common listener in the place of that one: `dup3` lets the descriptor that
 * the engine accepts from stand for the common listener, and `epoll_ctl` has
 * the engine woken for it as it was for its own. The kernel wakes every thread
 * for a connection, and whoever comes first has it; what waits in the queue is
 * lost with none of them.
 *
 * Only descriptors are touched that this module's callers have just opened and
 * hold open.
 *
 * @module
 */

import { O_CLOEXEC, openLibc } from "../system/libc.ts";
import { openSockets, type Sockets } from "../guard/sockets.ts";
import { EPOLL, findInterest, type Interest } from "./own_descriptors.ts";

const SYMBOLS = {
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  // Variadic in C, which makes no difference for integers on Linux.
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

const F_DUPFD_CLOEXEC = 1030;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** `struct epoll_event` is packed on x86_64 only (epoll_ctl(2)). */
const EVENT_DATA = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_SIZE = EVENT_DATA + 8;

/** Tells whether threads can share a Unix socket here, as on Linux they can. */
export function canShareUnixSockets(): boolean {
  const tools = openTools();
  tools?.close();
  return tools !== null;
}

/** A listener that stays open whatever becomes of who has bound it. */
export class SharedListener {
  readonly #libc: Libc;
  /** For {@linkcode acceptFrom}, in any thread of this process. */
  readonly fd: number;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.fd = fd;
  }

  /**
   * Keeps the listener that this process has bound at `path`.
   *
   * @returns null where that cannot be had, see {@linkcode canShareUnixSockets}
   */
  static keep(path: string): SharedListener | null {
    const tools = openTools();
    if (tools === null) return null;
    const { sockets, libc } = tools;
    const found = findListener(sockets, path);
    sockets.close();
    const copy = found === null
      ? -1
      : libc.symbols.fcntl(found.fd, F_DUPFD_CLOEXEC, 3);
    if (copy >= 0) return new SharedListener(libc, copy);
    libc.close();
    return null;
  }

  /** Closes it here; threads that accept from it have copies of their own. */
  close(): void {
    this.#libc.symbols.close(this.fd);
    this.#libc.close();
  }
}

/** A thread that accepts from a shared listener. */
export interface Acceptor {
  /** Leaves new connections to the other threads. Call it once at most. */
  leave(): void;
}

/**
 * Has the listener that this thread has just bound at `path` accept from the
 * shared one whose descriptor is `shared`. What is bound at `path` is closed.
 *
 * @returns null where that cannot be had
 */
export function acceptFrom(shared: number, path: string): Acceptor | null {
  const tools = openTools();
  if (tools === null) return null;
  const { sockets, libc } = tools;
  const found = findListener(sockets, path);
  sockets.close();
  if (found === null) return libc.close(), null;
  const { fd, interest: { epoll, events, data } } = found;
  const { dup3, epoll_ctl } = libc.symbols;
  const event = new DataView(new ArrayBuffer(EVENT_SIZE));
  event.setUint32(0, events, true);
  event.setBigUint64(EVENT_DATA, data, true);
  const taken = dup3(shared, fd, O_CLOEXEC) === fd &&
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, event) === 0;
  if (!taken) return libc.close(), null;
  return {
    leave() {
      epoll_ctl(epoll, EPOLL_CTL_DEL, fd, event);
      libc.close();
    },
  };
}

/**
 * The engine's own descriptor of the listener that it has bound at `path`: the
 * one that it is woken for. The guard may have a copy at the same moment, in
 * another thread, which is not to be touched.
 */
function findListener(
  sockets: Sockets,
  path: string,
): { fd: number; interest: Interest } | null {
  for (const fd of sockets.descriptors()) {
    if (!sockets.isListening(fd)) continue;
    const address = sockets.ownAddress(fd);
    if (address === null || !("path" in address)) continue;
    const interest = address.path === path ? findInterest(fd) : null;
    if (interest !== null) return { fd, interest };
  }
  return null;
}

function openTools(): { sockets: Sockets; libc: Libc; close(): void } | null {
  if (!EPOLL.isOpen) return null;
  const sockets = openSockets();
  if (sockets === null) return null;
  const libc = openLibc(SYMBOLS);
  if (libc === null) return sockets.close(), null;
  return {
    sockets,
    libc,
    close() {
      sockets.close();
      libc.close();
    },
  };
}
