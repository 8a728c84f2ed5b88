/**
 * A folder as one archive.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { attachment } from "../../http/disposition.ts";
import type { Receive, Send } from "../../pagi/types.ts";
import type { RequestScope } from "../reply.ts";
import { archiveMembers } from "./archive_members.ts";
import { Departure } from "./departure.ts";
import type { DocumentRoot } from "./document_root.ts";
import {
  dataDescriptor,
  directoryRecord,
  endOfArchive,
  localHeader,
} from "./zip_format.ts";
import type { ZipMember } from "./zip_format.ts";

/** Bytes in one piece of the body. */
const PIECE = 64 * 1024;

/**
 * Sends all that could be served beneath the folder of `parts` as a ZIP. Its
 * length is announced: a file that becomes shorter, longer or unreadable
 * meanwhile throws, so that the response is cut and no wrong archive is taken
 * for a right one.
 */
export async function sendArchive(
  scope: RequestScope,
  receive: Receive,
  send: Send,
  root: DocumentRoot,
  parts: readonly string[],
  showHidden: boolean,
): Promise<void> {
  const folder = parts.map((part) => `${part}/`).join("");
  const members = await archiveMembers(root, folder, showHidden);
  await send({
    type: "http.response.start",
    status: 200,
    headers: [
      ["content-type", "application/zip"],
      ["content-length", String(archiveLength(members))],
      ["content-disposition", attachment(`${parts.at(-1) ?? "files"}.zip`)],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
    ],
  });
  if (scope.method === "GET") {
    const client = new Departure(receive);
    const out = new Pieces(send);
    for await (const bytes of archive(root, folder, members)) {
      await out.write(bytes);
      if (client.happened) return;
    }
    await out.flush();
  }
  await send({ type: "http.response.body" });
}

/** The bytes of an archive of `members`. */
function archiveLength(members: readonly ZipMember[]): number {
  let offset = 0;
  let directory = 0;
  for (const member of members) {
    directory += directoryRecord(member, 0, offset).length;
    offset += localHeader(member).length + member.size +
      dataDescriptor(member, 0).length;
  }
  return offset + directory +
    endOfArchive(members.length, directory, offset).length;
}

/** The archive in pieces; each is used up before the next one is made. */
async function* archive(
  root: DocumentRoot,
  folder: string,
  members: readonly ZipMember[],
): AsyncGenerator<Uint8Array> {
  const found: { member: ZipMember; crc: number; offset: number }[] = [];
  const buffer = new Uint8Array(PIECE);
  let offset = 0;
  for (const member of members) {
    const header = localHeader(member);
    yield header;
    let crc = 0;
    if (!member.path.endsWith("/")) {
      for await (const bytes of content(root, folder, member, buffer)) {
        crc = crc32(bytes, crc);
        yield bytes;
      }
    }
    const descriptor = dataDescriptor(member, crc);
    yield descriptor;
    found.push({ member, crc, offset });
    offset += header.length + member.size + descriptor.length;
  }
  let directory = 0;
  for (const { member, crc, offset } of found) {
    const record = directoryRecord(member, crc, offset);
    directory += record.length;
    yield record;
  }
  yield endOfArchive(members.length, directory, offset);
}

/** Exactly as many bytes of a file as were announced. */
async function* content(
  root: DocumentRoot,
  folder: string,
  { path, size }: ZipMember,
  buffer: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const opened = root.open(folder + path);
  if (typeof opened !== "number") {
    using thing = opened;
    if (thing.kind === "file" && thing.info.size === size) {
      let left = size;
      while (left > 0) {
        const count = await thing.file.read(
          buffer.subarray(0, Math.min(left, buffer.length)),
        );
        if (count === null) break;
        yield buffer.subarray(0, count);
        left -= count;
      }
      if (left === 0 && (await thing.file.stat()).size === size) return;
    }
  }
  throw new Error(
    `${folder}${path} changed while an archive of it was being sent; ` +
      `the archive is cut short, ask for it again`,
  );
}

/** Gathers small pieces of a body into larger ones. */
class Pieces {
  readonly #send: Send;
  readonly #buffer = new Uint8Array(PIECE);
  #filled = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Takes bytes, which may be used again when this has resolved. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > PIECE) await this.flush();
    if (bytes.length === PIECE) {
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
