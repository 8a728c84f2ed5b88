/**
 * What Deno does not offer of the process that it runs in: orphans that it has
 * adopted, an end that its own thread takes no part in, and its standard streams.
 *
 * @module
 */

import { type Timer, unref } from "../std/timer.ts";
import { O_CLOEXEC, openLibc, requireLibc, SystemError } from "./libc.ts";

const ORPHAN_SYMBOLS = {
  waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const;

const WNOHANG = 1;
/**
 * How long an ended child may wait to be noticed. Deno does that for its own
 * within milliseconds, or as soon as the thread that started one has time.
 */
const GRACE_MS = 5000;

/**
 * Takes note of the ends of adopted children, so that the system can forget
 * them. Those that Deno started are left to it. Nothing is done where libc
 * cannot be had.
 *
 * @param grace How long Deno has to notice an end of its own (ms).
 * @returns what stops it.
 */
export function reapOrphans(grace: number = GRACE_MS): () => void {
  const libc = openLibc(ORPHAN_SYMBOLS);
  if (libc === null) return () => {};
  let timer: Timer | undefined;
  let before = new Set<number>();
  const look = (): void => {
    timer = undefined;
    const now = endedChildren();
    for (const pid of now) {
      if (before.has(pid)) libc.symbols.waitpid(pid, null, WNOHANG);
    }
    before = now.difference(before);
    if (before.size > 0) lookSoon();
  };
  const lookSoon = (): void => {
    timer ??= unref(setTimeout(look, grace));
  };
  Deno.addSignalListener("SIGCHLD", lookSoon);
  return () => {
    Deno.removeSignalListener("SIGCHLD", lookSoon);
    clearTimeout(timer);
    libc.close();
  };
}

/** The children whose end nobody has noticed (proc(5), `stat`). */
function endedChildren(): Set<number> {
  const ended = new Set<number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      // Behind the name of the program, which may hold anything.
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
/** Calls a function on a thread that the C library starts for it. */
const SIGEV_THREAD = 2;
const SIGEVENT_SIZE = 64;
/** Between the sentence and the end (s): each has a thread of its own. */
const LAST_WORD = 0.1;

const encoder = new TextEncoder();

/**
 * Ends this process with exit code 1 and `sentence` on stderr after `seconds`,
 * unless it is disposed of before. That needs no turn of the event loop, which
 * code that is loading may keep from turning: the C library waits and calls
 * its own warnx(3) and _exit(2), on threads of its own (timer_create(2)).
 *
 * @returns null where it cannot be had, as with {@linkcode openLibc}
 */
export function endProcessAfter(
  seconds: number,
  sentence: string,
): Disposable | null {
  const libc = openLibc(TIMER_SYMBOLS);
  if (libc === null) return null;
  // As printf(3) takes it. It has to stay where it is until it is printed.
  const text = encoder.encode(sentence.replaceAll("%", "%%") + "\0");
  const textAt = Deno.UnsafePointer.value(Deno.UnsafePointer.of(text));
  const timers = [
    startTimer(libc, "warnx", textAt, seconds),
    startTimer(libc, "_exit", 1n, seconds + LAST_WORD),
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

/** Has `call` called with `argument` after `seconds`; returns the timer. */
function startTimer(
  { symbols }: Deno.DynamicLibrary<typeof TIMER_SYMBOLS>,
  call: string,
  argument: bigint,
  seconds: number,
): bigint | null {
  const address = symbols.dlsym(null, encoder.encode(call + "\0"));
  if (address === null) return null;
  const event = new DataView(new ArrayBuffer(SIGEVENT_SIZE));
  event.setBigUint64(0, argument, true); // sigev_value
  event.setInt32(12, SIGEV_THREAD, true); // sigev_notify
  event.setBigUint64(16, Deno.UnsafePointer.value(address), true);
  const id = new BigUint64Array(1);
  if (symbols.timer_create(CLOCK_MONOTONIC, event, id) !== 0) return null;
  const whole = Math.floor(seconds);
  // struct itimerspec: no interval, and the time to the only call
  const times = BigInt64Array.of(
    0n,
    0n,
    BigInt(whole),
    BigInt(Math.round((seconds - whole) * 1e9)),
  );
  symbols.timer_settime(id[0], 0, times, null);
  return id[0];
}

const STREAM_SYMBOLS = {
  // Variadic in C, which makes no difference for two arguments on Linux.
  open: { parameters: ["buffer", "i32"], result: "i32" },
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const O_RDWR = 2;
const STANDARD = [0, 1, 2];
const DESCRIPTORS = "/proc/self/fd";

/**
 * Lets go of the terminal, and of pipes at which somebody may wait: their
 * descriptors lead to /dev/null from then on. Deno has copies of the standard
 * ones, so all that lead to the same place are meant. An output that was
 * redirected to a file stays.
 *
 * @throws {SystemError} When it cannot be done.
 */
export function detachStandardStreams(): void {
  const library = requireLibc("Running in the background", STREAM_SYMBOLS);
  const { open, dup3, close } = library.symbols;
  const path = new TextEncoder().encode("/dev/null\0");
  const nowhere = open(path, O_RDWR | O_CLOEXEC);
  try {
    if (nowhere < 0) throw new SystemError("/dev/null cannot be opened.");
    const places = new Set(STANDARD.map(place));
    places.delete(null);
    for (const { name } of [...Deno.readDirSync(DESCRIPTORS)]) {
      const copy = Number(name);
      // Between these two calls a number changes hands only if a thread ends
      // in that instant, which closes its copies; at the start none does.
      if (copy > 2 && places.has(place(copy))) dup3(nowhere, copy, O_CLOEXEC);
    }
    for (const stream of STANDARD) {
      if (stream === 0 || !isFile(stream)) dup3(nowhere, stream, 0);
    }
  } finally {
    if (nowhere >= 0) close(nowhere);
    library.close();
  }
}

/** Tells whether an output goes to a file, which keeps what it gets. */
export function isKept(output: "stdout" | "stderr"): boolean {
  return isFile(output === "stdout" ? 1 : 2);
}

function isFile(descriptor: number): boolean {
  try {
    return Deno.statSync(`${DESCRIPTORS}/${descriptor}`).isFile;
  } catch {
    return false;
  }
}

/**
 * What a descriptor leads to; null when it is closed, and for a file: the app
 * may have opened the same one, and a copy of it keeps nobody waiting.
 */
function place(descriptor: number): string | null {
  try {
    const { dev, ino, isFile } = Deno.statSync(`${DESCRIPTORS}/${descriptor}`);
    return isFile ? null : `${dev} ${ino}`;
  } catch {
    return null;
  }
}
