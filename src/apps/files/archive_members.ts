/** The files and directories in an archive. */

import { log } from "../../log/log.ts";
import { type DirectoryEntry, isReadable } from "../../system/file_names.ts";
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
import type { DocumentRoot, OpenedDirectory } from "./document_root.ts";
import { Abandoned, sortInSlices, type TimeSlice } from "./time_slice.ts";
import { END_OF_TAR, tarLengthOf } from "./tar_format.ts";
import { ZipLength, type ZipMember } from "./zip_format.ts";

/** A file or directory in an archive. */
export interface ArchiveMember extends ZipMember {
  /** Its path beneath the archived directory, or its content. */
  readonly source: string | Uint8Array;
}

/** What an archive will contain. */
export interface ArchivePlan extends Found {
  readonly members: readonly ArchiveMember[];
  /** Bytes of the archive, by its format. */
  readonly lengths: { readonly zip: number; readonly tar: number };
}

/** Members of one archive, which take about 80 MB of memory. */
const MAX_MEMBERS = 200_000;
/** Milliseconds of a walk, including the time slices of others. */
const MAX_WALK_MS = 60_000;
/** Approximate bytes of memory for each member. */
const MEMBER_WEIGHT = 400;

/** A directory that is yet to be read. */
interface PendingDirectory {
  /** Its path beneath the archived one: empty, or with a final slash. */
  readonly source: string;
  /** The same in the archive. */
  readonly path: string;
}

/**
 * Finds all that could be served beneath `directory`, a path beneath `root`
 * that is empty or ends with a slash, or only the entries `selected` of it; names
 * with a leading dot only with `showHidden`. Links to files are archived as files. Links to directories are
 * left out, to avoid duplicates and loops. What is left out is listed in the
 * last member, `_NOT_INCLUDED.txt`, and in the log.
 *
 * @throws {DirectoryRefused} With more than `maxMembers`, or if it takes more
 * than a minute.
 */
export async function archiveMembers(
  root: DocumentRoot,
  directory: string,
  showHidden: boolean,
  selected: ReadonlySet<string> | null,
  timeSlice: TimeSlice,
  maxMembers = MAX_MEMBERS,
): Promise<ArchivePlan> {
  const members: ArchiveMember[] = [];
  const zip = new ZipLength();
  let tar = END_OF_TAR.length;
  const snapshot = new Snapshot(root.pathOf(directory));
  const omissions = new Omissions();
  const end = performance.now() + MAX_WALK_MS;

  function add(member: ArchiveMember): void {
    members.push(member);
    zip.add(member);
    tar += tarLengthOf(member);
  }

  /** Adds the entries of a directory; returns the directories among them. */
  async function addEntries(
    { source, path }: PendingDirectory,
    opened: OpenedDirectory,
    { found, hidden, unnameable }: Names,
  ): Promise<PendingDirectory[]> {
    omissions.hidden += hidden;
    for (const name of unnameable) {
      omissions.add(source + name, 'its name has a "\\"');
    }
    const nameInArchive = archiveNames(found, source === "");
    const directories: PendingDirectory[] = [];
    for (const entry of await sortInSlices(found, byName, timeSlice)) {
      if (timeSlice.expired) {
        await timeSlice.yield();
        if (performance.now() > end) throw tooSlow();
      }
      const own = source + entry.name;
      const parent = directory + source;
      const { stat, problem } = inspectEntry(root, parent, opened, entry);
      snapshot.add(own, stat);
      if (stat === null || problem !== null) {
        // An entry that has vanished meanwhile is not missing.
        if (problem !== "absent") omissions.add(own, REASONS[problem!]);
        continue;
      }
      if (entry.isSymlink && stat.isDirectory) {
        omissions.add(own, "a symbolic link to a folder");
        continue;
      }
      if (stat.isFile && !canRead(root, parent, opened, entry)) {
        omissions.add(own, REASONS.unreadable);
        continue;
      }
      if (members.length >= maxMembers) throw tooMany(maxMembers);
      const mtime = Math.floor(stat.mtime / 1000);
      const name = nameInArchive(entry.name);
      // One string for both saves memory.
      const target = path === source && name === entry.name ? own : path + name;
      if (stat.isFile) {
        const executable = (stat.mode & 0o100) !== 0;
        add({ path: target, source: own, size: stat.size, mtime, executable });
      } else {
        const below = `${own}/`;
        const pending = {
          source: below,
          path: target === own ? below : `${target}/`,
        };
        add({ ...pending, size: 0, mtime, executable: false });
        directories.push(pending);
      }
    }
    return directories;
  }

  const stack: PendingDirectory[] = [{ source: "", path: "" }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    using opened = root.tryOpen(directory + next.source, "directory");
    const names = opened && await tryNames(opened.path, showHidden, timeSlice);
    if (!opened || !names) {
      if (next.source === "") {
        throw new DirectoryRefused(403, "The server cannot read this folder.");
      }
      omissions.add(next.source, REASONS.unreadable);
      continue;
    }
    if (next.source === "") snapshot.add("", statOf(opened.path));
    const chosen = next.source === "" && selected !== null
      ? chosenNames(names, selected)
      : names;
    stack.push(...(await addEntries(next, opened, chosen)).reverse());
  }
  const note = omissions.report(directory, members);
  if (note !== null) add(note);
  const weight = members.length * MEMBER_WEIGHT;
  return { members, lengths: { zip: zip.total, tar }, snapshot, weight };
}

/** Those of `names` that were selected; what is hidden does not count then. */
function chosenNames(names: Names, selected: ReadonlySet<string>): Names {
  const found = names.found.filter(({ name }) => selected.has(name));
  if (found.length > 0) return { found, hidden: 0, unnameable: [] };
  throw new DirectoryRefused(
    404,
    "Nothing of what was selected is in this folder any more.",
  );
}

function byName(a: DirectoryEntry, b: DirectoryEntry): number {
  return a.name < b.name ? -1 : 1;
}

/** The names in a directory; null if they cannot be read. */
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

/** Whether the file of an entry can be opened later. */
function canRead(
  root: DocumentRoot,
  parent: string,
  opened: OpenedDirectory,
  { name, isSymlink }: DirectoryEntry,
): boolean {
  // The target of a link has been opened before.
  if (isSymlink) return true;
  const readable = isReadable(`${opened.path}/${name}`);
  if (readable !== null) return readable;
  using file = root.tryOpen(parent + name, "file");
  return file !== null;
}

/**
 * Characters that make a name look like another one: control characters (C0,
 * C1), line breaks, and those that change the direction of text.
 */
const MISLEADING = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** `text` with `replacement` for each misleading character. */
export function replaceMisleading(text: string, replacement: string): string {
  return text.replace(MISLEADING, replacement);
}

/** A drive, to Windows; only at the top of an archive. */
const DRIVE = /^[a-z]:/i;

/**
 * Maps the names of a directory's entries to those in the archive: with `_` for
 * misleading characters, and a number if that name is taken.
 */
function archiveNames(
  entries: readonly DirectoryEntry[],
  isTop: boolean,
): (name: string) => string {
  let taken: Set<string> | null = null;
  const numbers = new Map<string, number>();
  return (name) => {
    let safe = replaceMisleading(name, "_");
    if (isTop && DRIVE.test(safe)) safe = safe.replace(":", "_");
    if (safe === name) return name;
    taken ??= new Set(entries.map(({ name }) => name));
    let number = numbers.get(safe) ?? 1;
    let unique = safe;
    while (taken.has(unique)) unique = `${safe}_${++number}`;
    numbers.set(safe, number);
    taken.add(unique);
    return unique;
  };
}

/** Why an entry is left out. */
const REASONS: Readonly<Record<Exclude<Problem, "absent">, string>> = {
  outside: "a symbolic link to what is not shared or cannot be read",
  special: "neither a file nor a folder",
  unreadable: "cannot be read",
};

/** Lines in the note. */
const MAX_LINES = 1000;
const NOTE = "_NOT_INCLUDED";

/** What an archive leaves out. */
class Omissions {
  /** Names that begin with a dot. */
  hidden = 0;
  #count = 0;
  readonly #lines: string[] = [];

  add(source: string, reason: string): void {
    this.#count++;
    if (this.#lines.length >= MAX_LINES) return;
    this.#lines.push(`${replaceMisleading(source, "?")}: ${reason}`);
  }

  /**
   * Logs what the archive of `directory` leaves out, and returns a note about
   * it for the archive; null if there are only hidden names, which nobody
   * expects there.
   */
  report(
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

/** A name for the note that no member has, in whatever case. */
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

function tooMany(limit: number): DirectoryRefused {
  return new DirectoryRefused(
    403,
    `There are more than ${limit} files and folders here, too many for one ` +
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
