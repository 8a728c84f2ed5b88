/**
 * What processes use, as Linux tells it (proc(5)).
 *
 * @module
 */

/** The unit of times; the kernel tells programs 100 on every machine. */
const TICKS_PER_SECOND = 100;

/** Processor time of the threads of a process and its children (ns). */
export type ThreadTimes = ReadonlyMap<string, number>;

/** Reads them: those of `stat` come in steps of 10 ms, a fifth of a turn. */
export function threadTimes(pid: number): ThreadTimes {
  const times = new Map<string, number>();
  for (const process of tree(pid)) {
    for (const { name } of Deno.readDirSync(`/proc/${process}/task`)) {
      const time = parseInt(read(`${process}/task/${name}/schedstat`));
      if (!Number.isNaN(time)) times.set(name, time);
    }
  }
  return times;
}

/** Seconds of processor time since; threads that have ended do not count. */
export function cpuSince(before: ThreadTimes, after: ThreadTimes): number {
  let nanoseconds = 0;
  for (const [thread, time] of after) {
    nanoseconds += time - (before.get(thread) ?? 0);
  }
  return nanoseconds / 1e9;
}

/** Bytes of memory that a process and its children have in use. */
export function treeMemory(pid: number): number {
  return tree(pid).reduce((bytes, one) => {
    const status = Deno.readTextFileSync(`/proc/${one}/status`);
    return bytes +
      Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }, 0);
}

/** Seconds of processor time of our children that have ended. */
export function endedChildrenCpu(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  // The name before the state may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** A process and its children, and theirs. */
function tree(pid: number): number[] {
  const children = [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(
    ({ name }) =>
      read(`${pid}/task/${name}/children`).split(" ").filter(Boolean)
        .map(Number),
  );
  return [pid, ...children.flatMap(tree)];
}

/** A file of `/proc`; "" when its thread has ended meanwhile. */
function read(file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${file}`);
  } catch {
    return "";
  }
}
