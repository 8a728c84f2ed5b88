/** Copies the files and folders that a listing shows. */

import type { OpenedFile } from "../files/document_root.ts";
import { readNames } from "../files/directory_entries.ts";
import { TimeSlice } from "../files/time_slice.ts";
import { writeAll } from "../uploads/incoming_file.ts";
import { WriteRefused } from "../uploads/refusal.ts";
import type { ChangeSettings } from "../uploads/serve_changes.ts";

const CHUNK_BYTES = 256 * 1024;

/**
 * Copies the file or folder at `path` beneath the root to `target`, where
 * nothing is. What a listing does not show is left out.
 *
 * @param deep Whether what is in a folder is copied.
 */
export async function copyTree(
  settings: ChangeSettings,
  path: string,
  target: string,
  deep: boolean,
): Promise<void> {
  const { root, showHidden, uploadLimit } = settings;
  const opened = root.open(path);
  if (typeof opened === "number") {
    throw new WriteRefused(opened, `/${path} cannot be read.`);
  }
  using source = opened;
  if (source.kind === "file") {
    if (uploadLimit > 0 && source.info.size > uploadLimit) {
      throw new WriteRefused(
        413,
        `/${path} is larger than ${uploadLimit} bytes.`,
      );
    }
    return await copyFile(source, target);
  }
  Deno.mkdirSync(target);
  if (!deep) return;
  const { found } = await readNames(source.path, showHidden, new TimeSlice());
  for (const { name, isFile, isDirectory, isSymlink } of found) {
    const child = `${path}/${name}`;
    // A link may lead to a folder above: that would have no end.
    if (isSymlink) {
      using linked = root.tryOpen(child, "file");
      if (linked !== null) await copyFile(linked, `${target}/${name}`);
    } else if (isFile || isDirectory) {
      await copyTree(settings, child, `${target}/${name}`, true);
    }
  }
}

async function copyFile({ file }: OpenedFile, target: string): Promise<void> {
  using copy = Deno.openSync(target, { write: true, createNew: true });
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let count; (count = await file.read(buffer)) !== null;) {
    await writeAll(copy, buffer.subarray(0, count));
  }
}
