/**
 * What goes into the archive of a folder.
 *
 * @module
 */

import type { DocumentRoot } from "./document_root.ts";
import { readNames } from "./read_entries.ts";
import { Turns } from "./turns.ts";
import type { ZipMember } from "./zip_format.ts";

/**
 * All that could be served beneath `folder`, a path beneath `root` that is
 * empty or ends with a slash; what has a leading dot only with `showHidden`.
 * Links to files are files; links to folders are left out, so that no file
 * comes twice and no circle is walked.
 */
export async function archiveMembers(
  root: DocumentRoot,
  folder: string,
  showHidden: boolean,
): Promise<ZipMember[]> {
  const members: ZipMember[] = [];
  const turns = new Turns();
  const waiting = [""];
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    const found: string[] = [];
    for (const { name, isSymlink } of await names(below)) {
      if (turns.over) await turns.pass();
      const path = below + name;
      // Only what opens now can be sent later.
      const opened = root.open(folder + path);
      if (typeof opened === "number") continue;
      using thing = opened;
      if (thing.kind === "file") {
        members.push({
          path,
          size: thing.info.size,
          mtime: secondsOf(thing.info),
          executable: ((thing.info.mode ?? 0) & 0o100) !== 0,
        });
      } else if (!isSymlink) {
        const mtime = secondsOf(Deno.statSync(thing.path));
        members.push({ path: `${path}/`, size: 0, mtime, executable: false });
        found.push(`${path}/`);
      }
    }
    waiting.push(...found.reverse());
  }
  return members;

  async function names(below: string): Promise<Deno.DirEntry[]> {
    const opened = root.open(folder + below);
    if (typeof opened === "number") return [];
    using thing = opened;
    if (thing.kind === "file") return [];
    const found = await readNames(thing.path, showHidden) ?? [];
    return found.sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

function secondsOf({ mtime }: Deno.FileInfo): number {
  // Out of a Date's range it is NaN.
  return Math.floor((mtime?.getTime() || 0) / 1000);
}
