/**
 * A folder as one archive.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { attachment } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import {
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import type { RequestScope } from "../reply.ts";
import { archiveMembers, withoutMisleading } from "./archive_members.ts";
import type { ArchiveMember, ArchivePlan } from "./archive_members.ts";
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
/** Folder trees that are walked at a time. */
const MAX_WALKS = 8;
/** Bytes of memory for what walks found, when nobody uses it any more … */
const MAX_KEPT = 32 << 20;
/** … and together with what is used. */
const MAX_USED = 256 << 20;
/** A file is opened by two at a time. */
const FILE_DESCRIPTORS = 2;

/** Sends folders beneath `root` as archives. */
export class Archives {
  readonly #root: DocumentRoot;
  readonly #showHidden: boolean;
  readonly #plans = new DirectoryCache<ArchivePlan>(
    MAX_WALKS,
    MAX_KEPT,
    MAX_USED,
  );

  constructor(root: DocumentRoot, showHidden: boolean) {
    this.#root = root;
    this.#showHidden = showHidden;
  }

  /**
   * Sends all that could be served beneath the folder of `parts` as a ZIP. Its
   * length is announced, so a file that grows meanwhile is sent as far as that
   * goes, and one that shrinks or vanishes is filled up and gets a wrong
   * checksum: whoever unpacks the archive is told by name which file is
   * damaged, and has all others.
   *
   * @throws {DirectoryRefused} When the archive is not made
   */
  async send(
    scope: RequestScope,
    send: Send,
    client: RequestReader,
    parts: readonly string[],
  ): Promise<void> {
    const name = withoutMisleading(parts.at(-1) ?? "files", "_");
    const headers: HeaderList = [
      ["content-type", "application/zip"],
      ["content-disposition", attachment(`${name}.zip`)],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
    ];
    // Only a walk knows the length, and nobody will read what it is made for.
    if (scope.method === "HEAD") {
      await send({ type: "http.response.start", status: 200, headers });
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
      await send({ type: "http.response.start", status: 200, headers });
      const out = new ChunkBuffer(send);
      for await (
        const bytes of archive(this.#root, directory, members, client)
      ) {
        await out.write(bytes);
        if (client.disconnected) return;
      }
      await out.flush();
      await send({ type: "http.response.body" });
    } finally {
      releaseDescriptors(FILE_DESCRIPTORS);
    }
  }
}

/** The archive in chunks; each is used up before the next one is made. */
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
    yield localHeader(member);
    const { source } = member;
    if (typeof source !== "string") {
      checksums[i] = crc32(source);
      yield source;
    } else if (!source.endsWith("/")) {
      checksums[i] = yield* content(
        root,
        directory + source,
        member.size,
        buffer,
        client,
      );
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
 * @returns their checksum; a wrong one if the file did not have as many
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
    // To the reader of the archive, what cannot be opened has vanished.
    using opened = root.tryOpen(path, "file");
    while (opened !== null && left > 0) {
      const chunk = buffer.subarray(0, Math.min(left, buffer.length));
      const count = await readOrLeft(opened, chunk, client);
      if (count === null) break;
      crc = crc32(chunk.subarray(0, count), crc);
      yield chunk.subarray(0, count);
      left -= count;
    }
    if (
      left === 0 && (opened === null || await hasSize(opened, size, client))
    ) {
      return crc;
    }
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

/** False for what says that it is empty and is not, as files in /proc do. */
async function hasSize(
  opened: OpenedFile,
  size: number,
  client: RequestReader,
): Promise<boolean> {
  if (size > 0) return true;
  const count = await readOrLeft(opened, new Uint8Array(1), client);
  return count === null || (await opened.file.stat()).size > 0;
}

/** Bytes read; null where there are none, or when the client left first. */
async function readOrLeft(
  { file, mayBlock }: OpenedFile,
  buffer: Uint8Array,
  client: RequestReader,
): Promise<number | null> {
  const reading = file.read(buffer).catch(() => null);
  return await (mayBlock
    ? Promise.race([reading, client.disconnect.then(() => null)])
    : reading);
}

/** Gathers small chunks of a body into larger ones. */
class ChunkBuffer {
  readonly #send: Send;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #filled = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Takes bytes, which may be used again when this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > CHUNK_BYTES) await this.flush();
    if (bytes.length >= CHUNK_BYTES) {
      return await this.#send({
        type: "http.response.body",
        body: bytes,
        more: 1,
      });
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Sends what is gathered. */
  async flush(): Promise<void> {
    const body = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    if (body.length > 0) {
      await this.#send({ type: "http.response.body", body, more: 1 });
    }
  }
}
