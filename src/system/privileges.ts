/**
 * From root to another user, for good.
 *
 * @module
 */

import { requireLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  geteuid: { parameters: [], result: "u32" },
  getuid: { parameters: [], result: "u32" },
  getgid: { parameters: [], result: "u32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  // Variadic in C, which makes no difference for integers on Linux.
  prctl: {
    parameters: ["i32", "usize", "usize", "usize", "usize"],
    result: "i32",
  },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAP_NET_BIND_SERVICE = 10;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** A user and a group, by number. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes sure that this process can become `identity`: before anything is done
 * that only root could undo.
 *
 * @throws {SystemError} When it is neither root nor that user already.
 */
export function requireRootToBecome(identity: Identity): void {
  withLibc((libc) => {
    const user = libc.geteuid();
    if (user === 0 || isAlready(libc, identity)) return;
    throw new SystemError(
      `Only root can change the user or group, and this is user ${user}. Start as root, or without --user and --group.`,
    );
  });
}

/**
 * Makes `identity` the user and the only group of every thread, with no way
 * back. Does nothing when that is so already.
 *
 * No capability is left but that to bind ports below 1024, where `keepLowPorts`
 * asks for it: in the calling thread and those that it starts from then on. The
 * programs that they start do not get it (see {@linkcode handOnLowPorts}).
 *
 * What set-user-ID programs may gain is not touched: an app may need one to
 * send mail. `NoNewPrivileges=` and `CapabilityBoundingSet=` of systemd are
 * there for that.
 *
 * @throws {SystemError} When the system does not allow it; then the process is
 * not fit to go on.
 */
export function dropPrivileges(
  identity: Identity,
  keepLowPorts: boolean,
): void {
  requireRootToBecome(identity);
  withLibc((libc) => {
    if (!isAlready(libc, identity)) change(libc, identity, keepLowPorts);
    // A process started with handOnLowPorts does not hand it on by itself.
    ambient(libc, PR_CAP_AMBIENT_CLEAR_ALL, 0);
    setInheritable(libc, 0);
  });
}

/**
 * Calls `start`, which starts a program, such that this program may bind ports
 * below 1024 where the calling thread may: else an exec ends that right.
 */
export function handOnLowPorts<T>(start: () => T): T {
  return withLibc((libc) => {
    // Root's programs have it anyway, and would hand it on to their own.
    if (libc.geteuid() === 0) return start();
    // Only what is inheritable can be ambient: capabilities(7).
    const before = setInheritable(libc, 1 << CAP_NET_BIND_SERVICE);
    ambient(libc, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE);
    try {
      return start();
    } finally {
      ambient(libc, PR_CAP_AMBIENT_LOWER, CAP_NET_BIND_SERVICE);
      setInheritable(libc, before);
    }
  });
}

function withLibc<T>(use: (libc: Libc) => T): T {
  const library = requireLibc("Changing the user or group", SYMBOLS);
  try {
    return use(library.symbols);
  } finally {
    library.close();
  }
}

function isAlready(libc: Libc, { uid, gid }: Identity): boolean {
  // Service managers list the group itself among the supplementary ones.
  const groups = new Uint32Array(1);
  const count = libc.getgroups(1, groups); // -1 for more
  return libc.getuid() === uid && libc.geteuid() === uid &&
    libc.getgid() === gid &&
    (count === 0 || count === 1 && groups[0] === gid);
}

/** The C library tells all threads; capabilities are each thread's own. */
function change(
  libc: Libc,
  { uid, gid }: Identity,
  keepLowPorts: boolean,
): void {
  must(libc.setgroups(0n, null), "the supplementary groups cannot be dropped");
  must(libc.setgid(gid), `the group cannot become ${gid}`);
  if (uid === 0) return; // only another group was asked for
  // Else setuid ends all capabilities, as it does in the other threads.
  if (keepLowPorts) libc.prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n);
  must(libc.setuid(uid), `the user cannot become ${uid}`);
  must(
    setCapabilities(libc, keepLowPorts ? 1 << CAP_NET_BIND_SERVICE : 0),
    "the right to bind ports below 1024 (CAP_NET_BIND_SERVICE) cannot be kept",
  );
  if (libc.setuid(0) === 0) {
    throw new SystemError("Root was dropped, and could be had back.");
  }
}

function must(result: number, what: string): void {
  if (result === 0) return;
  throw new SystemError(
    `As root, ${what}: this container or unit takes that right away from root.`,
  );
}

/** Effective and permitted ones, and none that is inheritable: capset(2). */
function setCapabilities(libc: Libc, low: number): number {
  return libc.capset(
    new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]),
    new Uint32Array([low, low, 0, 0, 0, 0]),
  );
}

/**
 * Sets which of the first 32 capabilities programs may inherit that have a
 * right to them by their file, and of the others none. What this thread is not
 * permitted itself is left out.
 *
 * @returns those of before.
 */
function setInheritable(libc: Libc, wanted: number): number {
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  // Effective, permitted, inheritable; then the same of the next 32.
  const sets = new Uint32Array(6);
  if (libc.capget(header, sets) !== 0) return 0;
  const before = sets[2];
  sets[2] = wanted & (sets[1] | before);
  sets[5] = 0;
  libc.capset(header, sets);
  return before;
}

/** Where the thread does not have the capability, nothing changes. */
function ambient(libc: Libc, operation: number, capability: number): void {
  libc.prctl(PR_CAP_AMBIENT, BigInt(operation), BigInt(capability), 0n, 0n);
}

/** -1 means "leave it as it is" to the system, so it is no id. */
const LARGEST_ID = 0xffff_fffe;

/** A user's ids. */
export interface User {
  readonly uid: number;
  /** The primary group; null for a number that is not in the file. */
  readonly gid: number | null;
}

/**
 * Finds a user in /etc/passwd by name, else by number. A number need not be
 * there.
 *
 * @returns null when there is no such user.
 */
export function findUser(nameOrId: string): User | null {
  const [uid, gid] = find("/etc/passwd", nameOrId);
  return uid === null ? null : { uid, gid };
}

/** Finds the id of a group in /etc/group, likewise. */
export function findGroup(nameOrId: string): number | null {
  return find("/etc/group", nameOrId)[0];
}

/** The third and the fourth field of an entry: passwd(5), group(5). */
function find(
  path: string,
  nameOrId: string,
): [id: number | null, next: number | null] {
  const entries = read(path).split("\n").map((line) => line.split(":"));
  const id = parseId(nameOrId);
  const entry = entries.find(([name]) => name === nameOrId && name !== "") ??
    entries.find((fields) => id !== null && parseId(fields[2]) === id);
  return entry === undefined
    ? [id, null]
    : [parseId(entry[2]), parseId(entry[3])];
}

function parseId(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= LARGEST_ID ? id : null;
}

/** A container may have no such file. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
