/**
 * The text that tells what a folder is about.
 *
 * @module
 */

import { isSettled } from "../../http/etags.ts";
import type { DocumentRoot } from "./document_root.ts";
import type { Entry } from "./read_entries.ts";

/** Bytes; a longer one is no text to read on the side. */
const LONGEST = 128 * 1024;
const NAMES = ["readme.md", "readme.txt", "readme"];

/** A text and the name of its file. */
export interface Readme {
  readonly name: string;
  readonly text: string;
}

/** What was found of it. */
export interface FoundReadme {
  /** Null if there is none. */
  readonly readme: Readme | null;
  /** Whether a later change would leave another time in the folder. */
  readonly settled: boolean;
}

/**
 * The `README.md` (or `README.txt`, `README`; in any case) among `entries` of
 * `folder`, a path beneath `root` that is empty or ends with a slash. One that
 * the system cannot read is passed over, as no reason to fail the listing.
 */
export async function readReadme(
  root: DocumentRoot,
  folder: string,
  entries: readonly Entry[],
): Promise<FoundReadme> {
  let settled = true;
  for (const wanted of NAMES) {
    const entry = entries.find(({ name, is_dir, size }) =>
      is_dir === 0 && size > 0 && size <= LONGEST &&
      name.length === wanted.length &&
      name.toLowerCase() === wanted
    );
    if (entry === undefined) continue;
    try {
      const found = await readText(root, folder + entry.name);
      if (found === null) continue;
      const { text, info } = found;
      const changed = (info.ctime ?? info.mtime)?.getTime() ?? 0;
      settled &&= isSettled(changed, Date.now());
      return { readme: { name: entry.name, text }, settled };
    } catch {
      // It may be readable the next time, and no time tells.
      settled = false;
    }
  }
  return { readme: null, settled };
}

/** The text of the file at `path`; null for what is no text. */
async function readText(
  root: DocumentRoot,
  path: string,
): Promise<{ text: string; info: Deno.FileInfo } | null> {
  const opened = root.open(path);
  if (typeof opened === "number") return null;
  using thing = opened;
  if (thing.kind !== "file") return null;
  const bytes = new Uint8Array(LONGEST);
  let length = 0;
  for (
    let count: number | null = 0;
    count !== null && length < LONGEST;
    length += count ?? 0
  ) count = await thing.file.read(bytes.subarray(length));
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  return text.includes("\0") ? null : { text, info: thing.info };
}
