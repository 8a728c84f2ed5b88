/**
 * The process's sockets, read and closed by system calls: Deno gives no access
 * to them.
 *
 * The number of a descriptor is reused as soon as it is closed. Therefore a
 * socket is identified by its cookie (SO_COOKIE), which no other socket ever
 * has: what was read of a descriptor counts only if it has that cookie
 * afterwards, and a socket is shut down through a copy of its descriptor. None
 * of this needs a free descriptor, so it works when there are none left.
 *
 * A file must not be copied: closing any copy drops all POSIX locks that the
 * process has on it (fcntl_locking(2)), for example those of a database. So the
 * cookie of the original is read first, which a file does not have (ENOTSOCK). A
 * race remains: within the microsecond before the copy is made, another thread
 * may close the socket and open a file that gets its number. Such a copy stays
 * open while the file has locks, so none is lost; see `#release`. The thread
 * that serves a connection cannot race with itself: only the supervisor of
 * several workers acts on sockets of other threads.
 */

import {
  cString,
  O_CLOEXEC,
  openLibc as openSystemLibc,
} from "../system/libc.ts";
import { unref } from "../std/timer.ts";
import {
  ADDRESS_SIZE,
  AF_INET,
  readAddress,
  type SocketAddress,
} from "./address.ts";

/** The state of a TCP connection: `struct tcp_info` (tcp(7)). */
export interface TcpState {
  /** The peer has sent its end (FIN), or a reset. */
  readonly left: boolean;
  /** Whether bytes are not sent or not acknowledged yet. */
  readonly pending: boolean;
  /** Bytes not sent or not acknowledged yet. */
  readonly unacked: number;
  /** Time since a byte was sent; without any, since the handshake (ms). */
  readonly sendIdle: number;
  /** Time since a byte arrived; without any, since the handshake (ms). */
  readonly receiveIdle: number;
  /** Segments with data sent so far; 0 before the first response. */
  readonly segments: number;
  /** Bytes acknowledged so far, modulo 2³². */
  readonly acked: number;
  /** Bytes received so far. */
  readonly received: number;
}

/** A socket: a descriptor, and the cookie that identifies the socket. */
export interface Socket {
  readonly fd: number;
  readonly cookie: number;
}

/** A socket that accepts connections, at its address. */
export interface ListeningSocket extends Socket {
  readonly address: SocketAddress;
}

/** Descriptors that a thread has opened by system calls, so Deno does not close them. */
export interface ThreadDescriptors {
  /** The thread's folder in `/proc`, which exists while the thread does. */
  readonly thread: string;
  /** Each descriptor, and the target of its link in /proc. */
  readonly links: readonly (readonly [descriptor: number, link: string])[];
}

/** Interval of checks whether a thread has ended (ms). */
const THREAD_POLL_MS = 500;

/** Closes what a thread that was terminated has left, once it has ended. */
export function closeAfterThread({ thread, links }: ThreadDescriptors): void {
  if (linkOf(`${thread}/cwd`) !== null) {
    unref(setTimeout(
      () => closeAfterThread({ thread, links }),
      THREAD_POLL_MS,
    ));
    return;
  }
  using libc = openSystemLibc({ close: SYMBOLS.close });
  for (const [descriptor, link] of links) {
    // It may have been closed, and its number be another's.
    if (linkOf(`/proc/self/fd/${descriptor}`) === link) {
      libc?.symbols.close(descriptor);
    }
  }
}

function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

/** Reads and closes the process's sockets. */
export class Sockets implements Disposable {
  readonly #libc: Libc;
  /** The open directory of all descriptors, by a name of this thread. */
  readonly #directory: number;
  /** The descriptor that becomes a copy of a socket; -1 when it has to be new. */
  #slot: number;
  /** What the slot is a copy of between two uses. */
  readonly #placeholder: number;
  /** Copies of files that were locked when they were to be closed. */
  #locked: number[] = [];

  readonly #length = new Uint32Array(1);
  readonly #value = new Uint32Array(1);
  readonly #number = new Uint32Array(2);
  readonly #address = new Uint8Array(ADDRESS_SIZE);
  readonly #tcp = new Uint32Array(40); // struct tcp_info as of Linux 4.6
  readonly #entries = new DataView(new ArrayBuffer(1 << 16));

  /**
   * @param libc belongs to this object from now on
   * @throws {Deno.errors.NotSupported} without `/proc`, or before Linux 4.6
   */
  constructor(libc: Libc) {
    this.#libc = libc;
    const { open, socket } = libc.symbols;
    this.#directory = open(cString("/proc/thread-self/fd"), O_CLOEXEC);
    this.#slot = socket(AF_INET, SOCK_STREAM | O_CLOEXEC, 0);
    this.#placeholder = socket(AF_INET, SOCK_STREAM | O_CLOEXEC, 0);
    if (
      this.#directory < 0 || this.#placeholder < 0 ||
      this.cookie(this.#slot) === 0 || this.#readTcp(this.#slot) === null
    ) {
      this.close();
      throw new Deno.errors.NotSupported(
        "the system does not give the state of the process's sockets",
      );
    }
  }

  /** What this object has open. */
  get held(): ThreadDescriptors {
    const held = [this.#directory, this.#slot, this.#placeholder];
    return {
      thread: `/proc/${linkOf("/proc/thread-self")}`,
      links: held.map((fd) => [fd, linkOf(`/proc/self/fd/${fd}`) ?? ""]),
    };
  }

  /** Closes what this object has open. */
  close(): void {
    const { close } = this.#libc.symbols;
    for (const fd of [this.#directory, this.#slot, this.#placeholder]) {
      if (fd >= 0) close(fd);
    }
    this.#libc.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The numbers of all open descriptors. */
  descriptors(): number[] {
    const { lseek, getdents64 } = this.#libc.symbols;
    const found: number[] = [];
    const entries = this.#entries;
    lseek(this.#directory, 0n, 0);
    for (;;) {
      const end = Number(
        getdents64(this.#directory, entries, BigInt(entries.byteLength)),
      );
      if (end <= 0) return found;
      // struct dirent64: inode (8), offset (8), length (2), type (1), name
      for (let at = 0; at < end; at += entries.getUint16(at + 16, true)) {
        let fd = 0;
        let digit = entries.getUint8(at + 19);
        if (digit === 46) continue; // "." and ".."
        for (let i = at + 20; digit !== 0; digit = entries.getUint8(i++)) {
          fd = fd * 10 + digit - 48;
        }
        found.push(fd);
      }
    }
  }

  /** The cookie of the socket `fd`, or 0 if it is not a socket. */
  cookie(fd: number): number {
    const number = this.#number;
    return this.#option(fd, SOL_SOCKET, SO_COOKIE, number)
      ? number[0] + number[1] * 2 ** 32
      : 0;
  }

  /** The socket's own address, or null when it has none. */
  ownAddress(fd: number): SocketAddress | null {
    return this.#addressFrom(this.#libc.symbols.getsockname, fd);
  }

  /** The other end's address, or null when it is not connected. */
  peerAddress(fd: number): SocketAddress | null {
    return this.#addressFrom(this.#libc.symbols.getpeername, fd);
  }

  /** True when `fd` is a TCP socket. */
  isTcp(fd: number): boolean {
    return this.#option(fd, SOL_SOCKET, SO_PROTOCOL, this.#value) &&
      this.#value[0] === IPPROTO_TCP;
  }

  /** True when `fd` is a socket that accepts connections. */
  isListening(fd: number): boolean {
    return this.#option(fd, SOL_SOCKET, SO_ACCEPTCONN, this.#value) &&
      this.#value[0] === 1;
  }

  /** The process's sockets that accept connections. */
  *listeners(): Generator<ListeningSocket> {
    for (const fd of this.descriptors()) {
      const address = this.isListening(fd) ? this.ownAddress(fd) : null;
      if (address !== null) yield { fd, cookie: this.cookie(fd), address };
    }
  }

  /**
   * Has a classic BPF program choose among the listeners that share the
   * address of `listener` (socket(7), SO_ATTACH_REUSEPORT_CBPF).
   *
   * If another thread closes the listener meanwhile, its number may be that of
   * something else: the kernel refuses the program for a file, and for a socket
   * that was not bound to share its address (EINVAL).
   *
   * @returns false when the kernel refuses it
   */
  selectListener(listener: Socket, program: Uint8Array<ArrayBuffer>): boolean {
    return this.#attach(listener, SO_ATTACH_REUSEPORT_CBPF, program);
  }

  /**
   * Has the kernel drop handshakes with a TCP listener (socket(7),
   * SO_ATTACH_FILTER). Open ones can still be accepted. A client repeats
   * its SYN after a second. False if the kernel wants CAP_NET_ADMIN for that.
   */
  dropHandshakes(listener: Socket): boolean {
    const program = new Uint8Array(8); // returns 0: no byte passes
    program[0] = RETURN;
    return this.#attach(listener, SO_ATTACH_FILTER, program);
  }

  /**
   * Turns off Nagle's algorithm (tcp(7), TCP_NODELAY) for the connections that
   * a TCP listener gets from now on: they inherit the option.
   */
  sendAtOnce(listener: Socket): void {
    const { setsockopt } = this.#libc.symbols;
    setsockopt(listener.fd, IPPROTO_TCP, TCP_NODELAY, new Int32Array([1]), 4);
  }

  #attach(
    listener: Socket,
    option: number,
    program: Uint8Array<ArrayBuffer>,
  ): boolean {
    if (!this.isOpen(listener)) return false;
    const descriptor = new BigUint64Array(2); // struct sock_fprog
    descriptor[0] = BigInt(program.byteLength / 8);
    descriptor[1] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(program));
    return this.#libc.symbols.setsockopt(
      listener.fd,
      SOL_SOCKET,
      option,
      descriptor,
      descriptor.byteLength,
    ) === 0;
  }

  /** True while the socket is open as that descriptor. */
  isOpen(socket: Socket): boolean {
    return this.cookie(socket.fd) === socket.cookie;
  }

  /** The state of a TCP socket, or null when it is closed. */
  tcpState(socket: Socket): TcpState | null {
    const state = this.#readTcp(socket.fd);
    // A descriptor that has the cookie now had it while it was read.
    return state !== null && this.isOpen(socket) ? state : null;
  }

  /**
   * Shuts the receiving direction: its owner reads the end of the stream after
   * what has been received. The peer does not notice.
   *
   * @returns false when the socket was closed, as the next two
   */
  shutdownRead(socket: Socket): boolean {
    return this.#withCopy(socket, (copy) => {
      this.#libc.symbols.shutdown(copy, SHUT_RD);
    });
  }

  /** Shuts the sending direction; what the peer sends is still received. */
  shutdownWrite(socket: Socket): boolean {
    return this.#withCopy(socket, (copy) => {
      this.#libc.symbols.shutdown(copy, SHUT_WR);
    });
  }

  /**
   * Shuts both directions. The owner of the socket notices and closes it.
   *
   * @param reset Drops unsent bytes; otherwise the kernel keeps them until the
   * peer accepts them.
   */
  shutdownBoth(socket: Socket, reset = false): boolean {
    const { setsockopt, shutdown } = this.#libc.symbols;
    return this.#withCopy(socket, (copy) => {
      const linger = new Int32Array([1, 0]); // on, for 0 seconds
      if (reset) setsockopt(copy, SOL_SOCKET, SO_LINGER, linger, 8);
      shutdown(copy, SHUT_RDWR);
    });
  }

  #withCopy(socket: Socket, act: (copy: number) => void): boolean {
    if (!this.isOpen(socket)) return false;
    const { dup3, socket: newSocket } = this.#libc.symbols;
    if (this.#slot < 0) {
      this.#slot = newSocket(AF_INET, SOCK_STREAM | O_CLOEXEC, 0);
    }
    // Without a slot, dup3 fails as well (EBADF).
    if (dup3(socket.fd, this.#slot, O_CLOEXEC) < 0) return false;
    const same = this.cookie(this.#slot) === socket.cookie;
    if (same) act(this.#slot);
    this.#release(same);
    return same;
  }

  /**
   * Closes the copy. If it is no socket it may be a file with locks: then it
   * stays open, and is checked again later. A lock that is taken between check
   * and close would be lost; for that two threads would have to race twice,
   * within a microsecond each.
   */
  #release(isSocket: boolean): void {
    const { dup3, close } = this.#libc.symbols;
    if (!isSocket && this.#isLocked(this.#slot)) {
      this.#locked.push(this.#slot);
      this.#slot = -1;
    } else {
      dup3(this.#placeholder, this.#slot, O_CLOEXEC);
    }
    this.#locked = this.#locked.filter((copy) => {
      if (this.#isLocked(copy)) return true;
      close(copy);
      return false;
    });
  }

  /**
   * True when any part of a file is locked. F_OFD_GETLK asks on behalf of the
   * open file description, for which the locks of this process are another
   * owner's; F_GETLK would not report them.
   */
  #isLocked(fd: number): boolean {
    const lock = new Int16Array(16); // struct flock
    lock[0] = F_WRLCK;
    return this.#libc.symbols.fcntl(fd, F_OFD_GETLK, lock) === 0 &&
      lock[0] !== F_UNLCK;
  }

  #readTcp(fd: number): TcpState | null {
    const tcp = this.#tcp;
    if (!this.#option(fd, IPPROTO_TCP, TCP_INFO, tcp)) return null;
    const state = tcp[0] & 0xff; // tcpi_state
    const pending = tcp[6] + tcp[36] > 0; // tcpi_unacked, tcpi_notsent_bytes
    return {
      left: state === TCP_CLOSE || state === TCP_CLOSE_WAIT,
      pending,
      sendIdle: tcp[11], // tcpi_last_data_sent
      receiveIdle: tcp[13], // tcpi_last_data_recv
      acked: tcp[30], // tcpi_bytes_acked, the low half
      unacked: pending ? this.#unacked(fd) : 0,
      received: tcp[32] + tcp[33] * 2 ** 32, // tcpi_bytes_received
      segments: tcp[39], // tcpi_data_segs_out
    };
  }

  /** `tcpi_unacked` counts segments, which may have any size. */
  #unacked(fd: number): number {
    const { ioctl } = this.#libc.symbols;
    return ioctl(fd, SIOCOUTQ, this.#value) === 0 ? this.#value[0] : 0;
  }

  /** Fills `into`; false when the kernel returns fewer bytes. */
  #option(
    fd: number,
    level: number,
    name: number,
    into: Uint32Array<ArrayBuffer>,
  ): boolean {
    this.#length[0] = into.byteLength;
    const { getsockopt } = this.#libc.symbols;
    return getsockopt(fd, level, name, into, this.#length) === 0 &&
      this.#length[0] === into.byteLength;
  }

  #addressFrom(
    call: Libc["symbols"]["getsockname"],
    fd: number,
  ): SocketAddress | null {
    this.#length[0] = ADDRESS_SIZE;
    return call(fd, this.#address, this.#length) === 0
      ? readAddress(this.#address, this.#length[0])
      : null;
  }
}

/**
 * Opens access to the sockets.
 *
 * @returns null where there is none: on other systems than Linux, without the
 * permission for FFI, without `/proc`
 */
export function openSockets(): Sockets | null {
  const libc = openLibc();
  if (libc === null) return null;
  try {
    return new Sockets(libc);
  } catch (error) {
    if (error instanceof Deno.errors.NotSupported) return null;
    throw error;
  }
}

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fcntl: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

/** The C library, opened. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

/** `struct flock` begins with the kind of lock (16 bits). */
export const F_WRLCK = 1;
export const F_UNLCK = 2;
/** Returns a lock that conflicts with one of the open file description. */
const F_OFD_GETLK = 36;

export const SOCK_STREAM = 1;

export const SOL_SOCKET = 1;
export const SO_LINGER = 13;
export const SO_ATTACH_FILTER = 26;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** A number that the kernel gives to one socket only. */
const SO_COOKIE = 57;

/** Reads how many bytes of a TCP socket are not acknowledged (tcp(7)). */
const SIOCOUTQ = 0x5411n;

export const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_INFO = 11;
/** States of a connection (netinet/tcp.h). */
const TCP_CLOSE = 7;
const TCP_CLOSE_WAIT = 8;

const SHUT_RD = 0;
const SHUT_WR = 1;
const SHUT_RDWR = 2;

/** Ends a classic BPF program (linux/bpf_common.h). */
export const RETURN = 0x06;

/** Opens the C library for the guard; null without one. */
export function openLibc(): Libc | null {
  return openSystemLibc(SYMBOLS);
}
