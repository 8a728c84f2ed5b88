/**
 * An end of the process that its own thread need not take part in.
 *
 * @module
 */

import { openLibc } from "./libc.ts";

const SYMBOLS = {
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
  const libc = openLibc(SYMBOLS);
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
  { symbols }: Deno.DynamicLibrary<typeof SYMBOLS>,
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
