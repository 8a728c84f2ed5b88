/**
 * What the figures were measured on.
 *
 * @module
 */

/** The machine and the programs; no names of hosts, users or folders. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Gigabytes. */
  readonly memory: number;
  readonly kernel: string;
  /** By program. */
  readonly versions: Readonly<Record<string, string>>;
}

/** How each program tells its version; some do so on standard error. */
const VERSION_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  deno: ["--version"],
  node: ["--version"],
  bun: ["--version"],
  nginx: ["-v"],
  caddy: ["version"],
  lighttpd: ["-v"],
  uvicorn: ["--version"],
  wrk: ["--version"],
  h2load: ["--version"],
};

/** Where a program is on the PATH, or null. Debian's nginx is in `sbin`. */
export function findProgram(name: string): string | null {
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"];
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** The cores that this process may use. */
export function cores(): number[] {
  const list = read("/proc/self/status", /^Cpus_allowed_list:\s*(\S+)/m);
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Looks at the machine. */
export function machine(): Machine {
  const versions = Object.keys(VERSION_ARGUMENTS).flatMap((name) => {
    const version = versionOf(name);
    return version === null ? [] : [[name, version] as const];
  });
  return {
    cpu: read("/proc/cpuinfo", /^model name\s*:\s*(.*)$/m),
    cores: cores().length,
    memory: Math.round(Deno.systemMemoryInfo().total / 1e9),
    kernel: Deno.osRelease(),
    versions: Object.fromEntries(versions),
  };
}

function versionOf(name: string): string | null {
  const path = findProgram(name);
  if (path === null) return null;
  const { stdout, stderr } = new Deno.Command(path, {
    args: [...VERSION_ARGUMENTS[name]],
  }).outputSync();
  const text = new TextDecoder().decode(new Uint8Array([...stdout, ...stderr]));
  return /\d+\.\d+[\w.+-]*/.exec(text)?.[0] ?? "unknown";
}

function read(path: string, pattern: RegExp): string {
  return pattern.exec(Deno.readTextFileSync(path))?.[1] ?? "unknown";
}
