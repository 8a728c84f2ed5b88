/** A directory, or some of its entries, as an archive. */

import { attachment } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { node } from "../../std/node.ts";
import {
  FILE_DESCRIPTORS,
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import { replyBare, type RequestScope } from "../reply.ts";
import {
  type ArchiveMember,
  archiveMembers,
  type ArchivePlan,
  replaceMisleading,
} from "./archive_members.ts";
import type { RequestReader } from "../disconnect.ts";
import type { DocumentRoot, OpenedFile } from "./document_root.ts";
import { DirectoryCache, DirectoryRefused } from "./directory_cache.ts";
import { gzipped } from "./gzip.ts";
import { END_OF_TAR, tarHeader, tarPadding } from "./tar_format.ts";
import { inSlices } from "./time_slice.ts";
import {
  dataDescriptor,
  directoryRecord,
  endOfArchive,
  lengthOf,
  localHeader,
} from "./zip_format.ts";

/** Bytes in one chunk of the body. */
const CHUNK_BYTES = 64 * 1024;
/** Concurrent walks of directory trees. */
const MAX_WALKS = 8;
/** Bytes of memory for plans that are cached but not in use. */
const MAX_CACHED = 32 << 20;
/** Bytes of memory for all plans, above which no walk starts. */
const MAX_USED = 256 << 20;

/** The formats of archives, by the names that a query has. */
export const ARCHIVE_FORMATS = ["zip", "tar", "tar.gz"] as const;
/** One of {@linkcode ARCHIVE_FORMATS}. */
export type ArchiveFormat = typeof ARCHIVE_FORMATS[number];

const MEDIA_TYPES: Readonly<Record<ArchiveFormat, string>> = {
  "zip": "application/zip",
  "tar": "application/x-tar",
  "tar.gz": "application/gzip",
};

/** The requested archive. */
export interface ArchiveRequest {
  readonly format: ArchiveFormat;
  /** Names of entries of the directory; empty for all. */
  readonly selected: readonly string[];
}

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
   * Sends what could be served beneath the directory of `parts` as an archive,
   * with `content-length` unless it is compressed. Bytes appended to a file
   * meanwhile are left out. A file that shrinks or vanishes is padded and gets a
   * wrong checksum in a ZIP archive: unpacking reports it as damaged and
   * extracts the others. Tar has no checksums of content: the response is cut
   * off.
   *
   * @throws {DirectoryRefused} When the archive cannot be made.
   */
  async send(
    scope: RequestScope,
    send: Send,
    client: RequestReader,
    parts: readonly string[],
    { format, selected }: ArchiveRequest,
  ): Promise<void> {
    const only = selected.length === 1 ? selected[0] : parts.at(-1);
    const name = replaceMisleading(only ?? "files", "_");
    const headers: HeaderList = [
      ["content-type", MEDIA_TYPES[format]],
      ["content-disposition", attachment(`${name}.${format}`)],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
    ];
    // Without the length, which would require a walk.
    if (scope.method === "HEAD") return await replyBare(send, 200, headers);
    const directory = parts.map((part) => `${part}/`).join("");
    // A form sends a line break in a name as CR LF.
    const names = selected.length === 0 ? null : new Set(
      selected.flatMap((name) => [name, name.replace(/\r\n/g, "\n")]),
    );
    // No path has a NUL.
    const key = names === null
      ? directory
      : [directory, ...[...names].sort()].join("\0");
    using use = await this.#plans.use(
      key,
      client,
      (timeSlice) =>
        archiveMembers(
          this.#root,
          directory,
          this.#showHidden,
          names,
          timeSlice,
        ),
    );
    if (use === null) return;
    if (!reserveDescriptors(FILE_DESCRIPTORS)) {
      throw new DirectoryRefused(
        503,
        "The server has too many files open; ask again in a few seconds.",
      );
    }
    try {
      const { members, lengths } = use.found;
      if (format !== "tar.gz") {
        headers.push(["content-length", String(lengths[format])]);
      }
      await send({ type: "http.response.start", status: 200, headers });
      const content = { root: this.#root, directory, client };
      const parts = (format === "zip" ? zip : tar)(members, content);
      const bodies = format === "tar.gz"
        ? gzipped(copied(joined(parts)))
        : joined(inSlices(parts));
      for await (const body of bodies) {
        await send({ type: "http.response.body", body, more: 1 });
        if (client.disconnected) return;
      }
      if (!client.disconnected) await send({ type: "http.response.body" });
    } finally {
      releaseDescriptors(FILE_DESCRIPTORS);
    }
  }
}

/** The source of the content of members, and the client. */
interface Content {
  readonly root: DocumentRoot;
  readonly directory: string;
  readonly client: RequestReader;
}

/**
 * A ZIP archive in chunks, each of which is valid until the next one is asked
 * for. Ends early if the client disconnects.
 */
async function* zip(
  members: readonly ArchiveMember[],
  content: Content,
): AsyncGenerator<Uint8Array> {
  const { crc32 } = node("node:zlib");
  const checksums = new Uint32Array(members.length);
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const [i, member] of members.entries()) {
    if (content.client.disconnected) return;
    yield localHeader(member);
    let crc = 0;
    const outcome = yield* contentOf(member, content, buffer, (chunk) => {
      crc = crc32(chunk, crc);
    });
    if (!outcome.isWhole) {
      log.warn(
        `${content.directory}${member.path} lost its end while an archive of ` +
          "it was being sent: its checksum there is wrong, so that it is not " +
          "taken for whole.",
      );
      buffer.fill(0);
      for (let left = outcome.missing; left > 0; left -= CHUNK_BYTES) {
        const chunk = buffer.subarray(0, Math.min(left, CHUNK_BYTES));
        crc = crc32(chunk, crc);
        yield chunk;
      }
      crc = ~crc;
    }
    checksums[i] = crc;
    yield dataDescriptor(member, checksums[i]);
  }
  let offset = 0;
  let directoryBytes = 0;
  for (const [i, member] of members.entries()) {
    const record = directoryRecord(member, checksums[i], offset);
    offset += lengthOf(member);
    directoryBytes += record.length;
    yield record;
  }
  yield endOfArchive(members.length, directoryBytes, offset);
}

/** The same for a tar archive. */
async function* tar(
  members: readonly ArchiveMember[],
  content: Content,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const member of members) {
    if (content.client.disconnected) return;
    yield tarHeader(member);
    const { missing } = yield* contentOf(member, content, buffer, () => {});
    if (missing > 0) {
      if (content.client.disconnected) return;
      throw new Error(
        `${member.path} became shorter while a tar archive of it was being ` +
          "sent; the response is cut short",
      );
    }
    yield tarPadding(member);
  }
  yield END_OF_TAR;
}

/** Copies: a stream may ask for the next chunk before it has used the last one. */
async function* copied(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) yield chunk.slice();
}

/** The result of sending the content of a member. */
interface Outcome {
  /** False too for a file that claimed to be empty and is not, as in /proc. */
  readonly isWhole: boolean;
  /** Bytes that could not be read. */
  readonly missing: number;
}

const WHOLE: Outcome = { isWhole: true, missing: 0 };

/** The content of a member, at most as many bytes as its size says. */
async function* contentOf(
  { source, size }: ArchiveMember,
  { root, directory, client }: Content,
  buffer: Uint8Array,
  saw: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, Outcome> {
  if (typeof source !== "string") {
    saw(source);
    yield source;
    return WHOLE;
  }
  if (source.endsWith("/")) return WHOLE;
  const path = directory + source;
  let left = size;
  // A file that cannot be opened is treated as one that vanished.
  using opened = root.tryOpen(path, "file");
  while (opened !== null && left > 0) {
    const chunk = buffer.subarray(0, Math.min(left, buffer.length));
    const count = await readOrLeave(opened, chunk, client);
    if (count === null) break;
    saw(chunk.subarray(0, count));
    yield chunk.subarray(0, count);
    left -= count;
  }
  const isWhole = left === 0 &&
    (size > 0 || opened === null || await wasEmpty(opened, client));
  return { isWhole, missing: left };
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
