/**
 * Which descriptors the engine serves on this thread.
 *
 * All threads of a process share its descriptors. Each has an event loop with an
 * epoll instance, whose descriptors are listed in `/proc/self/fdinfo`
 * (proc_pid_fdinfo(5)). This thread's instance is the one that watches a
 * listener which this thread has just bound.
 */

import { Door } from "./door.ts";
import { openSockets } from "../guard/sockets.ts";

export const EPOLL: Door = new Door({
  name: "event loop's epoll",
  gives:
    "several workers on one Unix socket, and a leaving worker's own idle connections",
  otherwise:
    "--workers with a Unix socket is refused, and a worker that leaves others behind closes no idle connections",
  source: "denoland/deno#14006",
}, () => Deno.build.os === "linux");

const FOLDER = "/proc/self/fd";

/** The entry of a descriptor in an epoll instance: epoll_ctl(2). */
export interface Interest {
  /** The instance's descriptor. */
  readonly epoll: number;
  readonly events: number;
  readonly data: bigint;
}

/** Finds the epoll instance that watches `fd`; null when none does. */
export function findInterest(fd: number): Interest | null {
  const inode = EPOLL.isOpen ? inodeOf(fd) : null;
  if (inode === null) return null;
  const line = new RegExp(
    `^tfd:\\s*${fd} events:\\s*(\\w+) data:\\s*(\\w+) .* ino:${
      inode.toString(16)
    } `,
    "m",
  );
  for (const { name } of Deno.readDirSync(FOLDER)) {
    const match = line.exec(watched(name) ?? "");
    if (match === null) continue;
    const [, events, data] = match;
    return {
      epoll: Number(name),
      events: parseInt(events, 16),
      data: BigInt(`0x${data}`),
    };
  }
  return null;
}

/**
 * The descriptors that this thread's event loop waits for.
 *
 * @returns null where they cannot be found
 */
export function ownDescriptors(): ReadonlySet<number> | null {
  using sockets = openSockets();
  if (sockets === null) return null;
  try {
    using marker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = marker.addr as Deno.NetAddr;
    const own = [...sockets.listeners()].find(({ address }) =>
      "port" in address && address.port === port
    );
    const interest = own === undefined ? null : findInterest(own.fd);
    const list = interest === null ? null : watched(String(interest.epoll));
    if (list === null) return null;
    return new Set(
      Array.from(list.matchAll(/^tfd:\s*(\d+)/gm), ([, fd]) => Number(fd)),
    );
  } catch {
    return null; // no descriptor is free, or there is no permission
  }
}

/** The list of what an epoll instance watches; null for any other descriptor. */
function watched(descriptor: string): string | null {
  try {
    const kind = Deno.readLinkSync(`${FOLDER}/${descriptor}`);
    return kind === "anon_inode:[eventpoll]"
      ? Deno.readTextFileSync(`/proc/self/fdinfo/${descriptor}`)
      : null;
  } catch {
    return null; // closed meanwhile
  }
}

/** The inode of a socket; null for any other descriptor, or a closed one. */
function inodeOf(fd: number): number | null {
  try {
    const link = Deno.readLinkSync(`${FOLDER}/${fd}`);
    return Number(/^socket:\[(\d+)\]$/.exec(link)?.[1]) || null;
  } catch {
    return null;
  }
}
