/**
 * One Unix socket that several threads accept from.
 *
 * A path has one listener: the kernel does not distribute its connections as it
 * does among the listeners of a port (it ignores SO_REUSEPORT). But threads share
 * descriptors. Each thread has the engine listen at a path of its own, and then
 * replaces that listener by the shared one: `dup3` makes the descriptor from
 * which the engine accepts refer to it, and `epoll_ctl` has the engine woken for
 * it as for its own. The kernel wakes every thread for a connection, and the
 * first gets it; a thread that ends loses none of those that wait.
 *
 * Only descriptors are touched that this module's callers have just opened and
 * keep open.
 */

import { type Libc, O_CLOEXEC, openLibc } from "../system/libc.ts";
import { openSockets } from "../guard/sockets.ts";
import { EPOLL, findInterest, type Interest } from "./own_descriptors.ts";

const SYMBOLS = {
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
} as const;

const F_DUPFD_CLOEXEC = 1030;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** `struct epoll_event` is packed on x86_64 only (epoll_ctl(2)). */
const EVENT_DATA = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_SIZE = EVENT_DATA + 8;

/** True when threads can share a Unix socket here, as on Linux they can. */
export function canShareUnixSockets(): boolean {
  using sockets = EPOLL.isOpen ? openSockets() : null;
  return sockets !== null;
}

/** A listener that stays open when the thread that has bound it closes it. */
export class SharedListener {
  readonly #libc: Libc<typeof SYMBOLS>;
  /** For {@linkcode acceptFrom}, in any thread of this process. */
  readonly fd: number;

  private constructor(libc: Libc<typeof SYMBOLS>, fd: number) {
    this.#libc = libc;
    this.fd = fd;
  }

  /**
   * Keeps the listener that this process has bound at `path`.
   *
   * @returns null where {@linkcode canShareUnixSockets} is false
   */
  static keep(path: string): SharedListener | null {
    const found = findListener(path);
    const libc = found && openLibc(SYMBOLS);
    if (!found || !libc) return null;
    const copy = libc.symbols.fcntl(found.fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return libc.close(), null;
    return new SharedListener(libc, copy);
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
 * Makes the listener that this thread has just bound at `path` accept from the
 * shared one whose descriptor is `shared`. The socket bound at `path` is closed.
 *
 * @returns null where {@linkcode canShareUnixSockets} is false
 */
export function acceptFrom(shared: number, path: string): Acceptor | null {
  const found = findListener(path);
  const libc = found && openLibc(SYMBOLS);
  if (!found || !libc) return null;
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
 * one that its epoll instance watches. In another thread, the guard may have a
 * copy of it at the same moment, which is not to be touched.
 */
function findListener(path: string): { fd: number; interest: Interest } | null {
  using sockets = EPOLL.isOpen ? openSockets() : null;
  for (const { fd, address } of sockets?.listeners() ?? []) {
    const isHere = "path" in address && address.path === path;
    const interest = isHere ? findInterest(fd) : null;
    if (interest !== null) return { fd, interest };
  }
  return null;
}
