/**
 * What goes into the archive of a folder.
 *
 * @module
 */

import { log } from "../../log/log.ts";
import { isReadable } from "../../system/file_names.ts";
import type { DirectoryEntry } from "../../system/file_names.ts";
import type { DocumentRoot, OpenedDirectory } from "./document_root.ts";
import {
  DirectoryRefused,
  type Found,
  Snapshot,
  statOf,
} from "./directory_cache.ts";
import {
  inspectEntry,
  type Names,
  type Problem,
  readNames,
} from "./directory_entries.ts";
import { Abandoned, sortInSlices, type TimeSlice } from "./time_slice.ts";
import { ZipLength } from "./zip_format.ts";
import type { ZipMember } from "./zip_format.ts";

/** A file or folder in the archive of a folder. */
export interface ArchiveMember extends ZipMember {
  /** Its path beneath that folder, or its content. */
  readonly source: string | Uint8Array;
}

/** All that an archive is made of. */
export interface ArchivePlan extends Found {
  readonly members: readonly ArchiveMember[];
  /** Bytes of the archive. */
  readonly length: number;
}

/** Members of one archive at most, which take about 80 MB of memory. */
const MAX_MEMBERS = 200_000;
/** Milliseconds that a walk may take, with the turns of others in between. */
const LONGEST_WALK = 60_000;
/** About the bytes of memory for each member. */
const MEMBER_WEIGHT = 400;

const NO_FOLDER = "The server cannot read this folder.";

/** A folder that is still to be walked. */
interface PendingDirectory {
  /** Its path beneath the archive's folder: empty, or with a final slash. */
  readonly source: string;
  /** The same as the archive has it. */
  readonly path: string;
}

/**
 * All that could be served beneath `directory`, a path beneath `root` that is
 * empty or ends with a slash; what has a leading dot only with `showHidden`.
 * Links to files are files; links to folders are left out, so that no file
 * comes twice and no circle is walked. What is left out is told in a last
 * member, `_NOT_INCLUDED.txt`, and in the log.
 *
 * @throws {DirectoryRefused} With more than `maxMembers`, or when the walk takes
 * more than a minute
 */
export async function archiveMembers(
  root: DocumentRoot,
  directory: string,
  showHidden: boolean,
  timeSlice: TimeSlice,
  maxMembers = MAX_MEMBERS,
): Promise<ArchivePlan> {
  const members: ArchiveMember[] = [];
  const length = new ZipLength();
  const snapshot = new Snapshot(root.pathOf(directory));
  const omissions = new Omissions();
  const end = performance.now() + LONGEST_WALK;

  function add(member: ArchiveMember): void {
    if (members.length >= maxMembers) throw tooMany(maxMembers);
    members.push(member);
    length.add(member);
  }

  async function giveWay(): Promise<void> {
    if (!timeSlice.expired) return;
    await timeSlice.yield();
    if (performance.now() > end) throw tooSlow();
  }

  /** Adds what is in a folder; returns the folders in it. */
  async function addAll(
    { source, path }: PendingDirectory,
    opened: OpenedDirectory,
    { found, hidden, unnameable }: Names,
  ): Promise<PendingDirectory[]> {
    omissions.hidden += hidden;
    for (const name of unnameable) {
      omissions.add(source + name, 'its name has a "\\"');
    }
    const names = new ArchiveNames(found, source === "");
    const directories: PendingDirectory[] = [];
    for (const entry of await sortInSlices(found, byName, timeSlice)) {
      await giveWay();
      const own = source + entry.name;
      const { stat, problem } = inspectEntry(
        root,
        directory + source,
        opened,
        entry,
      );
      snapshot.add(own, stat);
      const why = problem !== null
        ? WHY[problem]
        : entry.isSymlink && stat!.isDirectory
        ? "a symbolic link to a folder"
        : stat!.isFile && !canRead(root, directory + own, opened, entry)
        ? WHY.unreadable
        : null;
      if (why !== null || stat === null) {
        if (why !== null) omissions.add(own, why);
        continue;
      }
      const mtime = Math.floor(stat.mtime / 1000);
      const name = names.nameFor(entry.name);
      // One string for both where it can be one.
      const inArchive = path === source && name === entry.name
        ? own
        : path + name;
      if (stat.isFile) {
        const executable = (stat.mode & 0o100) !== 0;
        const { size } = stat;
        add({ path: inArchive, source: own, size, mtime, executable });
      } else {
        const below = `${own}/`;
        const top = {
          source: below,
          path: inArchive === own ? below : `${inArchive}/`,
        };
        add({ ...top, size: 0, mtime, executable: false });
        directories.push(top);
      }
    }
    return directories;
  }

  const waiting: PendingDirectory[] = [{ source: "", path: "" }];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    // Its entry in the archive says that it is there; a note, that it is lost.
    using place = root.tryOpen(directory + at.source, "directory");
    const names = place === null
      ? null
      : await tryNames(place.path, showHidden, timeSlice);
    if (place === null || names === null) {
      if (at.source === "") throw new DirectoryRefused(403, NO_FOLDER);
      omissions.add(at.source, WHY.unreadable);
      continue;
    }
    if (at.source === "") snapshot.add("", statOf(place.path));
    const directories = await addAll(at, place, names);
    for (const inside of directories.reverse()) waiting.push(inside);
  }
  const note = omissions.tell(directory, members);
  if (note !== null) {
    members.push(note);
    length.add(note);
  }
  return {
    members,
    length: length.total,
    snapshot,
    weight: members.length * MEMBER_WEIGHT,
  };
}

function byName(a: DirectoryEntry, b: DirectoryEntry): number {
  return a.name < b.name ? -1 : 1;
}

async function tryNames(
  path: string,
  showHidden: boolean,
  timeSlice: TimeSlice,
): Promise<Names | null> {
  try {
    return await readNames(path, showHidden, timeSlice);
  } catch (error) {
    if (error instanceof Abandoned) throw error;
    return null;
  }
}

/** Tells whether a file can be read: only that can be sent later. */
function canRead(
  root: DocumentRoot,
  path: string,
  directory: OpenedDirectory,
  { name, isSymlink }: DirectoryEntry,
): boolean {
  // A link has been opened already.
  if (isSymlink) return true;
  const known = isReadable(`${directory.path}/${name}`);
  if (known !== null) return known;
  try {
    const opened = root.open(path);
    if (typeof opened === "number") return false;
    opened[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

/**
 * What makes terminals act (C0, C1), breaks lines, or has text read in another
 * order than it stands there: such a name passes for another one.
 */
const MISLEADING = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
/** `text` with `mark` for each character that misleads. */
export function withoutMisleading(text: string, mark: string): string {
  return text.replace(MISLEADING, mark);
}

/** What Windows takes for a drive; only at the top of an archive. */
const DRIVE = /^[a-z]:/i;

/** The names of a folder's entries as the archive has them. */
class ArchiveNames {
  readonly #found: readonly DirectoryEntry[];
  readonly #isTop: boolean;
  #taken: Set<string> | null = null;
  readonly #numbers = new Map<string, number>();

  constructor(found: readonly DirectoryEntry[], isTop: boolean) {
    this.#found = found;
    this.#isTop = isTop;
  }

  /** `name` with `_` for what misleads, and a number where that is taken. */
  nameFor(name: string): string {
    let safe = withoutMisleading(name, "_");
    if (this.#isTop && DRIVE.test(safe)) safe = safe.replace(":", "_");
    if (safe === name) return name;
    this.#taken ??= new Set(this.#found.map(({ name }) => name));
    let number = this.#numbers.get(safe) ?? 1;
    let unique = safe;
    while (this.#taken.has(unique)) unique = `${safe}_${++number}`;
    this.#numbers.set(safe, number);
    this.#taken.add(unique);
    return unique;
  }
}

/** Why something is left out, as the note says it. */
const WHY: Readonly<Record<Problem, string | null>> = {
  // Nothing is missing that was there.
  absent: null,
  outside: "a symbolic link to what is not shared or cannot be read",
  special: "neither a file nor a folder",
  unreadable: "cannot be read",
};

/** Lines in the note at most. */
const MAX_LINES = 1000;
const NOTE = "_NOT_INCLUDED";

/** What an archive leaves out. */
class Omissions {
  /** Names that begin with a dot. */
  hidden = 0;
  #count = 0;
  readonly #lines: string[] = [];

  add(source: string, why: string | null): void {
    if (why === null) return;
    this.#count++;
    if (this.#lines.length >= MAX_LINES) return;
    this.#lines.push(`${withoutMisleading(source, "?")}: ${why}`);
  }

  /**
   * Tells the log what is left out of the archive of `directory`; and the reader
   * of the archive, in a file beside `members`, if it is more than the names
   * that nobody expects there. Null if it is not.
   */
  tell(
    directory: string,
    members: readonly ArchiveMember[],
  ): ArchiveMember | null {
    const lines = [...this.#lines];
    const more = this.#count - lines.length;
    if (more > 0) lines.push(`and ${more} more`);
    if (this.hidden > 0) lines.push(`${this.hidden} hidden (with a dot first)`);
    if (lines.length === 0) return null;
    const text = `The archive of /${directory.toWellFormed()} leaves out: ` +
      `${lines.slice(0, 5).join("; ")}${lines.length > 5 ? "; …" : ""}`;
    if (this.#count === 0) {
      log.debug(text);
      return null;
    }
    log.info(text);
    const source = new TextEncoder().encode(
      `This archive leaves out:\n\n${lines.join("\n")}\n`,
    );
    return {
      path: freeName(members),
      source,
      size: source.length,
      mtime: Math.floor(Date.now() / 1000),
      executable: false,
    };
  }
}

/** The name of the note: one that no member has, in any case of letters. */
function freeName(members: readonly ArchiveMember[]): string {
  const taken = new Set<string>();
  for (const { path } of members) {
    if (path.startsWith("_")) taken.add(path.split("/", 1)[0].toLowerCase());
  }
  let name = `${NOTE}.txt`;
  for (let number = 2; taken.has(name.toLowerCase()); number++) {
    name = `${NOTE}_${number}.txt`;
  }
  return name;
}

function tooMany(most: number): DirectoryRefused {
  return new DirectoryRefused(
    403,
    `There are more than ${most} files and folders here, too many for one ` +
      "archive; ask for those of the folders below one by one.",
  );
}

function tooSlow(): DirectoryRefused {
  return new DirectoryRefused(
    503,
    "It takes too long to look through this folder for an archive; ask for " +
      "those of the folders below one by one, or again later.",
  );
}
