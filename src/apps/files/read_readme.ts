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
  /** Whether a later change would leave another time. */
  readonly settled: boolean;
}

/**
 * The `README.md` (or `README.txt`, `README`; in any case) among `entries` of
 * `folder`, a path beneath `root` that is empty or ends with a slash; or null.
 */
export async function readReadme(
  root: DocumentRoot,
  folder: string,
  entries: readonly Entry[],
): Promise<Readme | null> {
  for (const wanted of NAMES) {
    const entry = entries.find(({ name, is_dir, size }) =>
      is_dir === 0 && size > 0 && size <= LONGEST &&
      name.length === wanted.length &&
      name.toLowerCase() === wanted
    );
    if (entry === undefined) continue;
    const opened = root.open(folder + entry.name);
    if (typeof opened === "number") continue;
    using thing = opened;
    if (thing.kind !== "file") continue;
    const bytes = new Uint8Array(LONGEST);
    let length = 0;
    for (
      let count: number | null = 0;
      count !== null && length < LONGEST;
      length += count ?? 0
    ) count = await thing.file.read(bytes.subarray(length));
    const text = new TextDecoder().decode(bytes.subarray(0, length));
    // What is no text is not shown.
    if (text.includes("\0")) continue;
    const { ctime, mtime } = thing.info;
    const changed = (ctime ?? mtime)?.getTime() ?? 0;
    return { name: entry.name, text, settled: isSettled(changed, Date.now()) };
  }
  return null;
}
