/**
 * The users and groups of the system.
 *
 * @module
 */

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
