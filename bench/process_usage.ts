/**
 * What processes use, as Linux tells it (proc(5)).
 *
 * @module
 */

/** The unit of times; the kernel tells programs 100 on every machine. */
const TICKS_PER_SECOND = 100;

/**
 * Seconds of processor time of a process and its children, by thread: those of
 * `stat` come in steps of 10 ms, a fifth of a turn.
 */
export function treeCpu(pid: number): number {
  return sum(pid, (pid) => {
    let nanoseconds = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      try {
        const file = `/proc/${pid}/task/${name}/schedstat`;
        nanoseconds += parseInt(Deno.readTextFileSync(file));
      } catch {
        // The thread has ended meanwhile.
      }
    }
    return nanoseconds / 1e9;
  });
}

/** Bytes of memory that a process and its children have in use. */
export function treeMemory(pid: number): number {
  return sum(pid, (pid) => {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  });
}

/** Seconds of processor time of our children that have ended. */
export function endedChildrenCpu(): number {
  return seconds("self", 13, 14);
}

/** The sum of two fields of `stat`, counted from the state. */
function seconds(pid: number | "self", user: number, system: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name before the state may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[user]) + Number(fields[system])) / TICKS_PER_SECOND;
}

function sum(pid: number, read: (pid: number) => number): number {
  const children = [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(
    ({ name }) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)
        .split(" ").filter(Boolean).map(Number),
  );
  return children.reduce((all, child) => all + sum(child, read), read(pid));
}
