/** What the system tells of this process. */

/** Clock ticks per second in /proc, on every Linux (proc_pid_stat(5)). */
const TICKS = 100;
const PAGE_BYTES = 4096;

/** What is known; null where the system does not tell. */
export interface ProcessStats {
  /** Seconds of processor time, of all threads. */
  readonly cpuSeconds: number | null;
  readonly residentBytes: number;
  readonly virtualBytes: number | null;
  readonly openFiles: number | null;
  readonly threads: number | null;
}

/** Reads them. */
export function processStats(): ProcessStats {
  const { rss } = Deno.memoryUsage();
  const unknown = {
    cpuSeconds: null,
    residentBytes: rss,
    virtualBytes: null,
    openFiles: null,
    threads: null,
  };
  if (Deno.build.os !== "linux") return unknown;
  try {
    // The name of the program may have blanks and parentheses.
    const fields = Deno.readTextFileSync("/proc/self/stat")
      .replace(/^.*\) /s, "").split(" ").map(Number);
    const [user, system, threads, virtual, pages] = [11, 12, 17, 20, 21]
      .map((at) => fields[at]);
    let openFiles = 0;
    for (const _ of Deno.readDirSync("/proc/self/fd")) openFiles++;
    return {
      cpuSeconds: (user + system) / TICKS,
      residentBytes: rss || pages * PAGE_BYTES,
      virtualBytes: virtual,
      openFiles,
      threads,
    };
  } catch {
    return unknown;
  }
}
