/**
 * The process's sockets, which Deno gives no access to, through the kernel.
 *
 * A descriptor's number is reused as soon as it is closed. So a socket is known
 * by its cookie, which no other socket ever has: what is read of a number counts
 * only if the number has that cookie afterwards, and what is done to a socket is
 * done to a copy of the descriptor. None of this needs a free descriptor: it
 * works when there are none left.
 *
 * A file must not be copied: closing any copy drops all POSIX locks that the
 * process has on it (fcntl_locking(2)), be it a database's. The original is
 * asked for its cookie first, which a file does not have (ENOTSOCK). A race
 * remains where another thread, within the microsecond between the question and
 * the copy, closes the socket and opens a file that gets its number. Such a copy
 * is not closed while the file has locks, so none is lost; see `#release`. The
 * thread that serves a connection cannot race with itself: only the supervisor
 * of several workers acts on sockets of other threads.
 *
 * @module
 */

import { O_CLOEXEC, openLibc as openSystemLibc } from "../system/libc.ts";
import {
  ADDRESS_SIZE,
  AF_INET,
  readAddress,
  type SocketAddress,
} from "./address.ts";

/** What the kernel tells of a TCP connection. */
export interface TcpState {
  /** The peer has sent its end, or a reset. */
  readonly left: boolean;
  /** Bytes wait to be sent or to be acknowledged. */
  readonly pending: boolean;
  /** Since the last byte was sent; if none was, since the handshake (ms). */
  readonly silence: number;
  /** Since the last byte came; if none did, since the handshake (ms). */
  readonly inboundSilence: number;
  /** Segments with data sent so far; 0 on a connection never answered. */
  readonly segments: number;
  /** Bytes acknowledged so far, modulo 2³². */
  readonly acked: number;
  /** Bytes that wait to be sent or to be acknowledged. */
  readonly unacked: number;
  /** Bytes received so far. */
  readonly received: number;
}

/** One socket: a descriptor, and the cookie that tells it from the next. */
export interface Socket {
  readonly fd: number;
  readonly cookie: number;
}

/** Sees and closes the process's sockets. */
export class Sockets {
  readonly #libc: Libc;
  /** `/proc/self/fd`, held open. */
  readonly #folder: number;
  /** Takes the copies. */
  #slot: number;
  /** Lies in the slot while there is no copy in it. */
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
   * @throws {Deno.errors.NotSupported} where the kernel tells too little
   */
  constructor(libc: Libc) {
    this.#libc = libc;
    const { open, socket } = libc.symbols;
    this.#folder = open(new TextEncoder().encode("/proc/self/fd\0"), O_CLOEXEC);
    this.#slot = socket(AF_INET, SOCK_STREAM | O_CLOEXEC, 0);
    this.#placeholder = socket(AF_INET, SOCK_STREAM | O_CLOEXEC, 0);
    if (
      this.#folder < 0 || this.#placeholder < 0 ||
      this.cookie(this.#slot) === 0 || this.#readTcp(this.#slot) === null
    ) {
      this.close();
      throw new Deno.errors.NotSupported(
        "the system does not tell the state of the process's sockets",
      );
    }
  }

  /** Gives everything back. */
  close(): void {
    const { close } = this.#libc.symbols;
    for (const fd of [this.#folder, this.#slot, this.#placeholder]) {
      if (fd >= 0) close(fd);
    }
    this.#libc.close();
  }

  /** The numbers of all open descriptors. */
  descriptors(): number[] {
    const { lseek, getdents64 } = this.#libc.symbols;
    const found: number[] = [];
    const entries = this.#entries;
    lseek(this.#folder, 0n, 0);
    for (;;) {
      const end = Number(
        getdents64(this.#folder, entries, BigInt(entries.byteLength)),
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

  /** The cookie of the socket that `fd` is, or 0 when it is none. */
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

  /** Tells whether `fd` is a TCP socket. */
  isTcp(fd: number): boolean {
    return this.#option(fd, SOL_SOCKET, SO_PROTOCOL, this.#value) &&
      this.#value[0] === IPPROTO_TCP;
  }

  /** Tells whether `fd` is a socket that accepts connections. */
  isListening(fd: number): boolean {
    return this.#option(fd, SOL_SOCKET, SO_ACCEPTCONN, this.#value) &&
      this.#value[0] === 1;
  }

  /**
   * Has a classic BPF program choose among the listeners that share the
   * address of `listener`.
   *
   * The number is that of a listener a microsecond ago. Where another thread
   * has closed it since, the kernel refuses: a file takes no program, nor does
   * a socket that was not bound to share its address (EINVAL).
   *
   * @returns whether the kernel takes it
   */
  selectListener(listener: Socket, program: Uint8Array<ArrayBuffer>): boolean {
    return this.#attach(listener, SO_ATTACH_REUSEPORT_CBPF, program);
  }

  /**
   * Has the kernel drop what clients send to a TCP listener to open a
   * connection (socket(7), SO_ATTACH_FILTER). Those that it has can still be
   * accepted. A client repeats its SYN after a second.
   */
  dropHandshakes(listener: Socket): boolean {
    const program = new Uint8Array(8); // returns 0: no byte of a packet passes
    program[0] = RETURN;
    return this.#attach(listener, SO_ATTACH_FILTER, program);
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

  /** Tells whether the socket is still open under its number. */
  isOpen(socket: Socket): boolean {
    return this.cookie(socket.fd) === socket.cookie;
  }

  /** The state of a TCP socket, or null when it is gone. */
  tcpState(socket: Socket): TcpState | null {
    const state = this.#readTcp(socket.fd);
    // A number that has the cookie now had it all the time.
    return state !== null && this.isOpen(socket) ? state : null;
  }

  /**
   * Shuts the receiving direction: the owner of the socket reads the end of the
   * stream behind what has been received. The peer is told nothing.
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
   * @param reset drops what still waits to be sent, instead of leaving it to
   * the kernel for as long as a peer that takes no bytes likes
   * @returns false when the socket was gone
   */
  shutdownBoth(socket: Socket, reset = false): boolean {
    const { setsockopt, shutdown } = this.#libc.symbols;
    return this.#withCopy(socket, (copy) => {
      const linger = new Int32Array([1, 0]); // on, for no time
      if (reset) setsockopt(copy, SOL_SOCKET, SO_LINGER, linger, 8);
      shutdown(copy, SHUT_RDWR);
    });
  }

  #withCopy(socket: Socket, act: (copy: number) => void): boolean {
    if (!this.isOpen(socket)) return false;
    const { dup3 } = this.#libc.symbols;
    if (!this.#hasSlot() || dup3(socket.fd, this.#slot, O_CLOEXEC) < 0) {
      return false;
    }
    const same = this.cookie(this.#slot) === socket.cookie;
    if (same) act(this.#slot);
    this.#release(same);
    return same;
  }

  /**
   * Empties the slot. What is no socket may be a file with locks: then the copy
   * stays open, and is looked at again later. A lock that is taken between the
   * look and the close would be lost still; two threads would have to meet
   * twice within a microsecond each for that.
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

  /** True when a copy can be made; after one had to stay, in a new place. */
  #hasSlot(): boolean {
    if (this.#slot < 0) {
      this.#slot = this.#libc.symbols.socket(
        AF_INET,
        SOCK_STREAM | O_CLOEXEC,
        0,
      );
    }
    return this.#slot >= 0;
  }

  /**
   * Tells whether any part of a file is locked. The question is asked as the
   * owner of a lock of the open file description, for whom the locks of this
   * process are somebody else's.
   */
  #isLocked(fd: number): boolean {
    const question = new Int16Array(16); // struct flock
    question[0] = F_WRLCK;
    return this.#libc.symbols.fcntl(fd, F_OFD_GETLK, question) === 0 &&
      question[0] !== F_UNLCK;
  }

  #readTcp(fd: number): TcpState | null {
    const tcp = this.#tcp;
    if (!this.#option(fd, IPPROTO_TCP, TCP_INFO, tcp)) return null;
    const state = tcp[0] & 0xff; // tcpi_state
    const pending = tcp[6] + tcp[36] > 0; // tcpi_unacked, tcpi_notsent_bytes
    return {
      left: state === TCP_CLOSE || state === TCP_CLOSE_WAIT,
      pending,
      silence: tcp[11], // tcpi_last_data_sent
      inboundSilence: tcp[13], // tcpi_last_data_recv
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

  /** Fills `into`; false when the kernel has less than that to say. */
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
 * Opens the view of the sockets.
 *
 * @returns null where it cannot be had: on other systems than Linux, without
 * the permission for FFI, without `/proc`
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
  // Variadic in C, which makes no difference for few arguments on Linux.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // Variadic in C, which makes no difference for pointers on Linux.
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
/** Asks for locks that stand in the way of one of the file description. */
const F_OFD_GETLK = 36;

export const SOCK_STREAM = 1;

export const SOL_SOCKET = 1;
export const SO_LINGER = 13;
export const SO_ATTACH_FILTER = 26;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** A number that the kernel gives to one socket and never again. */
const SO_COOKIE = 57;

/** Bytes of a TCP socket that were not acknowledged. */
const SIOCOUTQ = 0x5411n;

export const IPPROTO_TCP = 6;
const TCP_INFO = 11;
/** States of a connection. */
const TCP_CLOSE = 7;
const TCP_CLOSE_WAIT = 8;

const SHUT_RD = 0;
const SHUT_WR = 1;
const SHUT_RDWR = 2;

/** Of classic BPF (linux/bpf_common.h): ends a program. */
export const RETURN = 0x06;

/** Opens the C library for the guard; null where it cannot be had. */
export function openLibc(): Libc | null {
  return openSystemLibc(SYMBOLS);
}
