/**
 * A directory as a ZIP archive.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { attachment } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import {
  FILE_DESCRIPTORS,
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import type { RequestScope } from "../reply.ts";
import {
  type ArchiveMember,
  archiveMembers,
  type ArchivePlan,
  replaceMisleading,
} from "./archive_members.ts";
import type { RequestReader } from "../disconnect.ts";
import type { DocumentRoot, OpenedFile } from "./document_root.ts";
import { DirectoryCache, DirectoryRefused } from "./directory_cache.ts";
import { TimeSlice } from "./time_slice.ts";
import {
  dataDescriptor,
  directoryRecord,
  endOfArchive,
  lengthOf,
  localHeader,
} from "./zip_format.ts";

/** Bytes in one chunk of the body. */
const CHUNK_BYTES = 64 * 1024;
/** Directory trees that are walked at the same time. */
const MAX_WALKS = 8;
/** Bytes of memory for plans that are cached but not in use. */
const MAX_CACHED = 32 << 20;
/** Bytes of memory for all plans, above which no walk starts. */
const MAX_USED = 256 << 20;

/** Sends directories beneath `root` as archives. */
export class Archives {
  readonly #root: DocumentRoot;
  readonly #showHidden: boolean;
  readonly #plans = new DirectoryCache<ArchivePlan>(
    MAX_WALKS,
    MAX_CACHED,
    MAX_USED,
  );

  constructor(root: DocumentRoot, showHidden: boolean) {
    this.#root = root;
    this.#showHidden = showHidden;
  }

  /**
   * Sends all that could be served beneath the directory of `parts` as a ZIP
   * archive with `content-length`. Bytes appended to a file meanwhile are left
   * out. A file that shrinks or vanishes is padded and gets a wrong checksum:
   * unpacking reports it as damaged and extracts the others.
   *
   * @throws {DirectoryRefused} When the archive cannot be made.
   */
  async send(
    scope: RequestScope,
    send: Send,
    client: RequestReader,
    parts: readonly string[],
  ): Promise<void> {
    const name = replaceMisleading(parts.at(-1) ?? "files", "_");
    const headers: HeaderList = [
      ["content-type", "application/zip"],
      ["content-disposition", attachment(`${name}.zip`)],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
    ];
    const start = () =>
      send({ type: "http.response.start", status: 200, headers });
    // The length would take a walk, which is not worth it for HEAD.
    if (scope.method === "HEAD") {
      await start();
      return await send({ type: "http.response.body" });
    }
    const directory = parts.map((part) => `${part}/`).join("");
    using use = await this.#plans.use(
      directory,
      client,
      (timeSlice) =>
        archiveMembers(this.#root, directory, this.#showHidden, timeSlice),
    );
    if (use === null) return;
    if (!reserveDescriptors(FILE_DESCRIPTORS)) {
      throw new DirectoryRefused(
        503,
        "The server has too many files open; ask again in a few seconds.",
      );
    }
    try {
      const { members, length } = use.found;
      headers.push(["content-length", String(length)]);
      await start();
      const chunks = archive(this.#root, directory, members, client);
      for await (const body of joined(chunks)) {
        await send({ type: "http.response.body", body, more: 1 });
        if (client.disconnected) return;
      }
      if (!client.disconnected) await send({ type: "http.response.body" });
    } finally {
      releaseDescriptors(FILE_DESCRIPTORS);
    }
  }
}

/**
 * The archive in chunks, each of which is valid until the next one is asked
 * for. Ends early if the client disconnects.
 */
async function* archive(
  root: DocumentRoot,
  directory: string,
  members: readonly ArchiveMember[],
  client: RequestReader,
): AsyncGenerator<Uint8Array> {
  const timeSlice = new TimeSlice();
  const checksums = new Uint32Array(members.length);
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const [i, member] of members.entries()) {
    if (client.disconnected) return;
    yield localHeader(member);
    const { source, size } = member;
    if (typeof source !== "string") {
      checksums[i] = crc32(source);
      yield source;
    } else if (!source.endsWith("/")) {
      const path = directory + source;
      checksums[i] = yield* content(root, path, size, buffer, client);
    }
    yield dataDescriptor(member, checksums[i]);
    if (timeSlice.expired) await timeSlice.yield();
  }
  let offset = 0;
  let directoryBytes = 0;
  for (const [i, member] of members.entries()) {
    const record = directoryRecord(member, checksums[i], offset);
    offset += lengthOf(member);
    directoryBytes += record.length;
    yield record;
    if (timeSlice.expired) await timeSlice.yield();
  }
  yield endOfArchive(members.length, directoryBytes, offset);
}

/**
 * Exactly `size` bytes for the file at `path`.
 *
 * @returns their checksum; a wrong one if the file does not have that size
 */
async function* content(
  root: DocumentRoot,
  path: string,
  size: number,
  buffer: Uint8Array,
  client: RequestReader,
): AsyncGenerator<Uint8Array, number> {
  let crc = 0;
  let left = size;
  {
    // A file that cannot be opened is treated as one that vanished.
    using opened = root.tryOpen(path, "file");
    while (opened !== null && left > 0) {
      const chunk = buffer.subarray(0, Math.min(left, buffer.length));
      const count = await readOrLeave(opened, chunk, client);
      if (count === null) break;
      crc = crc32(chunk.subarray(0, count), crc);
      yield chunk.subarray(0, count);
      left -= count;
    }
    const isWhole = left === 0 &&
      (size > 0 || opened === null || await wasEmpty(opened, client));
    if (isWhole) return crc;
  }
  log.warn(
    `${path} lost its end while an archive of it was being sent: its ` +
      `checksum there is wrong, so that it is not taken for whole.`,
  );
  buffer.fill(0);
  for (; left > 0; left -= Math.min(left, buffer.length)) {
    const chunk = buffer.subarray(0, Math.min(left, buffer.length));
    crc = crc32(chunk, crc);
    yield chunk;
  }
  return ~crc >>> 0;
}

/** False for files in /proc that report a size of 0 and have content. */
async function wasEmpty(
  opened: OpenedFile,
  client: RequestReader,
): Promise<boolean> {
  const count = await readOrLeave(opened, new Uint8Array(1), client);
  return count === null || (await opened.file.stat()).size > 0;
}

/** Bytes read; null at the end, on an error, or if the client left first. */
async function readOrLeave(
  { file, mayBlock }: OpenedFile,
  buffer: Uint8Array,
  client: RequestReader,
): Promise<number | null> {
  const reading = file.read(buffer).catch(() => null);
  return await (mayBlock
    ? Promise.race([reading, client.disconnect.then(() => null)])
    : reading);
}

/** The same bytes in fewer chunks, of at most {@linkcode CHUNK_BYTES}. */
async function* joined(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    if (filled > 0 && filled + chunk.length > CHUNK_BYTES) {
      yield buffer.subarray(0, filled);
      filled = 0;
    }
    if (chunk.length >= CHUNK_BYTES) yield chunk;
    else {
      buffer.set(chunk, filled);
      filled += chunk.length;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
