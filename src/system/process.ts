/**
 * What Deno lacks for its own process: reaping orphans, a timeout that works
 * while the thread is busy, and detaching from the standard streams.
 */

import { type Timer, unref } from "../std/timer.ts";
import {
  cString,
  descriptorPath,
  type Libc,
  O_CLOEXEC,
  openLibc,
  requireLibc,
  SystemError,
} from "./libc.ts";

const ORPHAN_SYMBOLS = {
  waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const;

const WNOHANG = 1;
/**
 * Milliseconds that Deno gets to reap a child of its own. It does so at once,
 * or when the thread that started it is no longer busy.
 */
const GRACE_MS = 5000;

/**
 * Reaps ended children that this process adopted, as process 1 of a container
 * does. Those that Deno started are left to Deno. Does nothing without libc.
 *
 * @param grace Milliseconds that Deno gets to reap a child of its own.
 * @returns what stops it
 */
export function reapOrphans(grace: number = GRACE_MS): () => void {
  const libc = openLibc(ORPHAN_SYMBOLS);
  if (libc === null) return () => {};
  let timer: Timer | undefined;
  let before = new Set<number>();
  const scan = (): void => {
    timer = undefined;
    const now = endedChildren();
    for (const pid of now) {
      if (before.has(pid)) libc.symbols.waitpid(pid, null, WNOHANG);
    }
    before = now.difference(before);
    if (before.size > 0) scanLater();
  };
  const scanLater = (): void => {
    timer ??= unref(setTimeout(scan, grace));
  };
  Deno.addSignalListener("SIGCHLD", scanLater);
  return () => {
    Deno.removeSignalListener("SIGCHLD", scanLater);
    clearTimeout(timer);
    libc.close();
  };
}

/** Children that have ended and were not reaped (proc(5), `stat`). */
function endedChildren(): Set<number> {
  const ended = new Set<number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      // The name of the program, in parentheses, may contain anything.
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z" && Number(parent) === Deno.pid) ended.add(Number(name));
    } catch {
      // It is gone by now.
    }
  }
  return ended;
}

const TIMER_SYMBOLS = {
  // struct sigevent, and where the timer's id goes
  timer_create: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  timer_settime: {
    parameters: ["usize", "i32", "buffer", "pointer"],
    result: "i32",
  },
  timer_delete: { parameters: ["usize"], result: "i32" },
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
} as const;

const CLOCK_MONOTONIC = 1;
/** Calls a function in a thread that the C library starts for it. */
const SIGEV_THREAD = 2;
const SIGEVENT_SIZE = 64;
/** Seconds from printing to exiting, which happen in different threads. */
const PRINT_SECONDS = 0.1;

/**
 * Ends this process after `seconds` with exit code 1 and `sentence` on stderr,
 * unless the result is disposed of before. Works even if code that is being
 * loaded blocks the event loop: the C library waits, and calls its own warnx(3)
 * and _exit(2) in threads of its own (timer_create(2)).
 *
 * @returns null where {@linkcode openLibc} returns null
 */
export function endProcessAfter(
  seconds: number,
  sentence: string,
): Disposable | null {
  const libc = openLibc(TIMER_SYMBOLS);
  if (libc === null) return null;
  // A format for printf(3), which must stay in memory until it is printed.
  const text = cString(sentence.replaceAll("%", "%%"));
  const textAt = Deno.UnsafePointer.value(Deno.UnsafePointer.of(text));
  const timers = [
    startTimer(libc.symbols, "warnx", textAt, seconds),
    startTimer(libc.symbols, "_exit", 1n, seconds + PRINT_SECONDS),
  ];
  return {
    [Symbol.dispose]() {
      for (const timer of timers) {
        if (timer !== null) libc.symbols.timer_delete(timer);
      }
      libc.close();
      text.fill(0);
    },
  };
}

/** Starts a timer that calls a function of C; returns its id. */
function startTimer(
  libc: Libc<typeof TIMER_SYMBOLS>["symbols"],
  name: string,
  argument: bigint,
  seconds: number,
): bigint | null {
  const address = libc.dlsym(null, cString(name));
  if (address === null) return null;
  const event = new DataView(new ArrayBuffer(SIGEVENT_SIZE));
  event.setBigUint64(0, argument, true); // sigev_value
  event.setInt32(12, SIGEV_THREAD, true); // sigev_notify
  event.setBigUint64(16, Deno.UnsafePointer.value(address), true);
  const id = new BigUint64Array(1);
  if (libc.timer_create(CLOCK_MONOTONIC, event, id) !== 0) return null;
  const whole = Math.floor(seconds);
  const nanoseconds = Math.round((seconds - whole) * 1e9);
  // struct itimerspec: no interval, and the time until the only call
  const times = BigInt64Array.of(0n, 0n, BigInt(whole), BigInt(nanoseconds));
  libc.timer_settime(id[0], 0, times, null);
  return id[0];
}

const STREAM_SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const O_RDWR = 2;
const STANDARD = [0, 1, 2];

/**
 * Detaches from the terminal, and from pipes whose other end somebody may wait
 * for: the standard descriptors, and Deno's copies of them, refer to /dev/null
 * from then on. An output that is redirected to a file stays.
 *
 * @throws {SystemError} When that is not possible.
 */
export function detachStandardStreams(): void {
  using libc = requireLibc("Running in the background", STREAM_SYMBOLS);
  const { open, dup3, close } = libc.symbols;
  const none = open(cString("/dev/null"), O_RDWR | O_CLOEXEC);
  if (none < 0) throw new SystemError("/dev/null cannot be opened.");
  const streams = new Set(STANDARD.map(streamOf));
  streams.delete(null);
  for (const { name } of [...Deno.readDirSync(descriptorPath(""))]) {
    const copy = Number(name);
    // Between the two calls a number could be reused only if a thread ended in
    // that instant and closed its copies, which none does during startup.
    if (copy > 2 && streams.has(streamOf(copy))) dup3(none, copy, O_CLOEXEC);
  }
  for (const stream of STANDARD) {
    if (stream === 0 || !isFile(stream)) dup3(none, stream, 0);
  }
  close(none);
}

/** Whether an output goes to a file, which keeps what is written. */
export function isKept(output: "stdout" | "stderr"): boolean {
  return isFile(output === "stdout" ? 1 : 2);
}

function isFile(descriptor: number): boolean {
  return statOf(descriptor)?.isFile ?? false;
}

/**
 * Device and inode of what a descriptor refers to; null if it is closed, or a
 * file: the app may have opened the same one, and nobody waits for its end.
 */
function streamOf(descriptor: number): string | null {
  const info = statOf(descriptor);
  return info === null || info.isFile ? null : `${info.dev} ${info.ino}`;
}

function statOf(descriptor: number): Deno.FileInfo | null {
  try {
    return Deno.statSync(descriptorPath(descriptor));
  } catch {
    return null;
  }
}
