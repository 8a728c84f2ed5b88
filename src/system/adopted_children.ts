/**
 * Children that this process did not start: the system gives the first process
 * of a container those whose parent has ended.
 *
 * @module
 */

import { type Timer, unref } from "../std/timer.ts";
import { openLibc } from "./libc.ts";

const SYMBOLS = {
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
export function buryAdoptedChildren(grace: number = GRACE_MS): () => void {
  const libc = openLibc(SYMBOLS);
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
