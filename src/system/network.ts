/** Who listens on a port, which port is free, and what addresses there are. */

/** A process that holds a port. */
export interface PortHolder {
  readonly pid: number;
  /** The name of its program, as `ps` shows it. */
  readonly name: string;
}

/** The state LISTEN in the tables of proc_net(5). */
const LISTEN = "0A";

/**
 * The process that listens on `port` of any address; null where that is
 * unknown, as on systems other than Linux, and for processes of other users.
 */
export function portHolder(port: number): PortHolder | null {
  try {
    const inodes = listeningInodes(port);
    if (inodes.size === 0) return null;
    for (const { name: pid } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(pid) || !holdsSocket(pid, inodes)) continue;
      const name = Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
      return { pid: Number(pid), name };
    }
  } catch {
    // Another system, or one that hides its processes.
  }
  return null;
}

/** The sockets that listen on `port`: proc_net(5), fields 2, 4 and 10. */
function listeningInodes(port: number): Set<string> {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    const lines = Deno.readTextFileSync(`/proc/net/${table}`).split("\n");
    for (const line of lines.slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [, local, , state] = fields;
      if (local?.endsWith(end) && state === LISTEN) {
        inodes.add(`socket:[${fields[9]}]`);
      }
    }
  }
  return inodes;
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    const directory = `/proc/${pid}/fd`;
    for (const { name } of Deno.readDirSync(directory)) {
      if (inodes.has(linkAt(`${directory}/${name}`))) return true;
    }
  } catch {
    // It has ended, or belongs to another user.
  }
  return false;
}

/** Where the link leads; "" if its descriptor was closed meanwhile. */
function linkAt(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

/** Ports above a taken one that are tried. */
const MAX_PORTS = 20;

/** The first free port above `port` at the address `hostname`, or null. */
export function nextFreePort(hostname: string, port: number): number | null {
  for (let next = port + 1; next <= Math.min(port + MAX_PORTS, 65535); next++) {
    try {
      Deno.listen({ hostname, port: next }).close();
      return next;
    } catch {
      // Taken as well, or not allowed.
    }
  }
  return null;
}

/** An address of this machine. */
export type NetworkInterface = Pick<
  Deno.NetworkInterfaceInfo,
  "family" | "address"
>;

/** The addresses of this machine; none without the permission to ask. */
export function networkInterfaces(): readonly NetworkInterface[] {
  try {
    return Deno.networkInterfaces();
  } catch {
    return [];
  }
}

/** Those by which other machines can be expected to reach this one. */
export function reachable(
  interfaces: readonly NetworkInterface[],
): NetworkInterface[] {
  // Loopback addresses, and link-local ones (RFC 4291, 2.5.6), which cannot
  // stand in a URL.
  return interfaces.filter(({ address }) =>
    !/^127\.|^::1$|^fe[89ab]/i.test(address)
  );
}
