/** From root to another user, for good. */

import { type Libc, requireLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  geteuid: { parameters: [], result: "u32" },
  getuid: { parameters: [], result: "u32" },
  getgid: { parameters: [], result: "u32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
  prctl: {
    parameters: ["i32", "usize", "usize", "usize", "usize"],
    result: "i32",
  },
  capget: { parameters: ["buffer", "buffer"], result: "i32" },
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
} as const;

type Functions = Libc<typeof SYMBOLS>["symbols"];

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
 * Checks that this process can become `identity`, before anything is done that
 * only root could undo.
 *
 * @throws {SystemError} When it is neither root nor that user already.
 */
export function requireRootToBecome(identity: Identity): void {
  using library = requireLibrary();
  const libc = library.symbols;
  const user = libc.geteuid();
  if (user === 0 || isAlready(libc, identity)) return;
  throw new SystemError(
    `Only root can change the user or group, and this is user ${user}. Start as root, or without --user and --group.`,
  );
}

/**
 * Makes `identity` the user and the only group of every thread, irrevocably.
 * Does nothing if it is so already.
 *
 * All capabilities are dropped. With `keepLowPorts`, the calling thread and
 * those that it starts later keep the one to bind ports below 1024, which
 * programs started by them do not inherit (see {@linkcode handOnLowPorts}).
 *
 * Set-user-ID programs are not restricted, since an app may need one to send
 * mail; systemd has `NoNewPrivileges=` and `CapabilityBoundingSet=` for that.
 *
 * @throws {SystemError} When the system does not allow it; the process must
 * end then.
 */
export function dropPrivileges(
  identity: Identity,
  keepLowPorts: boolean,
): void {
  requireRootToBecome(identity);
  using library = requireLibrary();
  const libc = library.symbols;
  if (!isAlready(libc, identity)) change(libc, identity, keepLowPorts);
  // Programs started by this process must not inherit what it got from
  // handOnLowPorts.
  ambient(libc, PR_CAP_AMBIENT_CLEAR_ALL, 0);
  setInheritable(libc, 0);
}

/**
 * Calls `start`, and lets the program that it starts bind ports below 1024 if
 * the calling thread may. Without this, exec drops that capability.
 */
export function handOnLowPorts<T>(start: () => T): T {
  using library = requireLibrary();
  const libc = library.symbols;
  // Programs of root have it anyway, and would hand it on to their own.
  if (libc.geteuid() === 0) return start();
  // Only an inheritable capability can be ambient: capabilities(7).
  const before = setInheritable(libc, 1 << CAP_NET_BIND_SERVICE);
  ambient(libc, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE);
  try {
    return start();
  } finally {
    ambient(libc, PR_CAP_AMBIENT_LOWER, CAP_NET_BIND_SERVICE);
    setInheritable(libc, before);
  }
}

function requireLibrary(): Libc<typeof SYMBOLS> {
  return requireLibc("Changing the user or group", SYMBOLS);
}

function isAlready(libc: Functions, { uid, gid }: Identity): boolean {
  // Service managers list the group itself among the supplementary ones.
  const groups = new Uint32Array(1);
  const count = libc.getgroups(1, groups); // -1 if there are more
  return libc.getuid() === uid && libc.geteuid() === uid &&
    libc.getgid() === gid &&
    (count === 0 || count === 1 && groups[0] === gid);
}

/** The C library changes ids in all threads; capabilities belong to one. */
function change(
  libc: Functions,
  { uid, gid }: Identity,
  keepLowPorts: boolean,
): void {
  must(libc.setgroups(0n, null), "the supplementary groups cannot be dropped");
  must(libc.setgid(gid), `the group cannot become ${gid}`);
  if (uid === 0) return; // only another group was asked for
  // Without this, setuid drops all capabilities, as in the other threads.
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

/** Sets the effective and permitted ones, and no inheritable: capset(2). */
function setCapabilities(libc: Functions, low: number): number {
  return libc.capset(
    new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]),
    new Uint32Array([low, low, 0, 0, 0, 0]),
  );
}

/**
 * Sets the inheritable capabilities (the first 32; the others are cleared), as
 * far as this thread is permitted them: capabilities(7).
 *
 * @returns the previous ones.
 */
function setInheritable(libc: Functions, wanted: number): number {
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  // Effective, permitted, inheritable; then the same for the next 32.
  const sets = new Uint32Array(6);
  if (libc.capget(header, sets) !== 0) return 0;
  const before = sets[2];
  sets[2] = wanted & (sets[1] | before);
  sets[5] = 0;
  libc.capset(header, sets);
  return before;
}

/** Does nothing if the thread does not have the capability. */
function ambient(libc: Functions, operation: number, capability: number): void {
  libc.prctl(PR_CAP_AMBIENT, BigInt(operation), BigInt(capability), 0n, 0n);
}

/** The system takes -1 (0xffffffff) for "unchanged". */
const MAX_ID = 0xffff_fffe;

/** A user's ids. */
export interface User {
  readonly uid: number;
  /** The primary group; null for a number that the file does not list. */
  readonly gid: number | null;
}

/**
 * The user in /etc/passwd with that name, or else that number, which need not
 * be in the file; null when there is none.
 */
export function findUser(nameOrId: string): User | null {
  const [uid, gid] = findEntry("/etc/passwd", nameOrId);
  return uid === null ? null : { uid, gid };
}

/** The id of a group in /etc/group, likewise. */
export function findGroup(nameOrId: string): number | null {
  return findEntry("/etc/group", nameOrId)[0];
}

/** The third and the fourth field of an entry: passwd(5), group(5). */
function findEntry(
  path: string,
  nameOrId: string,
): [id: number | null, next: number | null] {
  let text = "";
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    // A container may have no such file.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const entries = text.split("\n").map((line) => line.split(":"));
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
  return id <= MAX_ID ? id : null;
}
