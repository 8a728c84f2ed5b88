/**
 * Timers without `setTimeout`, which in Deno 2.9 is Node's: its first call loads
 * 22 scripts, 4 ms and 3 MB in each thread.
 */

import { useTimers } from "../std/timer.ts";
import { Door } from "./door.ts";

/** What `setTimeout` is made of. */
interface Core {
  createTimer(
    act: () => void,
    ms: number,
    args: undefined,
    repeats: boolean,
    holdsProcess: boolean,
    isSystem: boolean,
  ): object;
  cancelTimer(timer: object): void;
}

const internals = Reflect.get(Deno, Reflect.get(Deno, "internal")) as
  | { readonly core?: Core }
  | undefined;
const core = internals?.core;

const TIMERS: Door = new Door({
  name: "timers",
  gives: "timers that load no modules of Node, up to 4 ms and 3 MB of a thread",
  otherwise: "the first timer loads modules of Node, in some versions",
  source: "denoland/deno libs/core/02_timers.js",
}, () => core!.createTimer.length === 6 && core!.cancelTimer.length === 1);

const setTimeoutOf = useTimers((act, ms, holdsProcess = false) => {
  if (!TIMERS.isOpen) return setTimeoutOf(act, ms, holdsProcess);
  const timer = core!.createTimer(
    act,
    ms,
    undefined,
    false,
    holdsProcess,
    false,
  );
  return () => core!.cancelTimer(timer);
});
