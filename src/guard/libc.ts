/**
 * The C library's functions that the guard calls, and Linux's constants for
 * them. The constants and layouts are those of x86_64 and aarch64 alike.
 *
 * @module
 */

import { openLibc as openSystemLibc } from "../system/libc.ts";

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
export const F_OFD_GETLK = 36;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;

export const SOL_SOCKET = 1;
export const SO_LINGER = 13;
export const SO_ATTACH_FILTER = 26;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
/** A number that the kernel gives to one socket and never again. */
export const SO_COOKIE = 57;

/** Bytes of a TCP socket that were not acknowledged. */
export const SIOCOUTQ = 0x5411n;

export const IPPROTO_TCP = 6;
export const TCP_INFO = 11;
/** States of a connection. */
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/** Of classic BPF (linux/bpf_common.h): ends a program. */
export const RETURN = 0x06;

/** Opens the C library for the guard; null where it cannot be had. */
export function openLibc(): Libc | null {
  return openSystemLibc(SYMBOLS);
}
