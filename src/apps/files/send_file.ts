/**
 * One file as a response.
 *
 * @module
 */

import {
  checkConditions,
  rangeToHonour,
  readConditions,
} from "../../http/conditional.ts";
import type { Validators } from "../../http/conditional.ts";
import { preferredCodings } from "../../http/codings.ts";
import { contentTypeOf, isCompressible } from "../../http/content_type.ts";
import { formatHttpDate } from "../../http/dates.ts";
import { codedTag, contentTag, fileTag, weakened } from "../../http/etags.ts";
import { fieldValue } from "../../http/headers.ts";
import { parseRange } from "../../http/ranges.ts";
import type { HeaderList, Receive, Send } from "../../pagi/types.ts";
import { replyStatus } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import type { ContentDigests } from "./content_digests.ts";
import type { DocumentRoot, OpenedFile } from "./document_root.ts";
import { sendCompressed } from "./send_compressed.ts";
import { CODINGS, openSidecar } from "./sidecar.ts";
import type { Coding } from "./sidecar.ts";

/** How files are sent. */
export interface FileSettings {
  readonly root: DocumentRoot;
  /** The media type where the name does not tell. */
  readonly defaultType: string;
  readonly handleRanges: boolean;
  /** Send compressed files that lie next to the ones asked for. */
  readonly precompressed: boolean;
  /** Compress what shrinks. */
  readonly compress: boolean;
  /** The value of `cache-control`, if there shall be one. */
  readonly cacheControl: string | null;
  /** What files contain, where their tags shall tell; else times and sizes do. */
  readonly digests: ContentDigests | null;
}

/** A file, and its path beneath the root. */
export interface FoundFile {
  readonly opened: OpenedFile;
  readonly path: string;
  /** Fields of the request that the choice of this file depends on. */
  readonly vary?: readonly string[];
}

/** Up to this many bytes go out in one piece: faster, and the file is done with. */
const SMALL = 64 * 1024;
/** Below this many bytes compression saves no packet. */
const WORTH_COMPRESSING = 1024;

/**
 * Answers a GET or HEAD request with `found`, or with a compressed form of it:
 * 200, 206, 304, 412 or 416 as RFC 9110 has it. The file stays open.
 */
export async function sendFile(
  scope: RequestScope,
  receive: Receive,
  send: Send,
  found: FoundFile,
  settings: FileSettings,
): Promise<void> {
  const { path } = found;
  const isGet = scope.method === "GET";
  const conditions = readConditions(scope.headers);
  // Only GET has ranges (RFC 9110, 14.2).
  const ranged = settings.handleRanges && isGet &&
    conditions.range !== undefined;
  const type = contentTypeOf(
    path.slice(path.lastIndexOf("/") + 1),
    settings.defaultType,
  );
  const vary = [...found.vary ?? []];
  let codings: Coding[] = [];
  if (isCompressible(type) && (settings.precompressed || settings.compress)) {
    vary.push("accept-encoding");
    const accepted = fieldValue(scope.headers, "accept-encoding");
    codings = preferredCodings(accepted, CODINGS);
  }
  const sidecar = settings.precompressed
    ? openSidecar(settings.root, path, codings)
    : null;
  using _sidecar = sidecar?.opened;
  const opened = sidecar?.opened ?? found.opened;
  const { file, info: { size } } = opened;
  // Nobody can ask for parts of what is made anew each time.
  const compress = settings.compress && sidecar === null && !ranged &&
    codings.includes("gzip") && size >= WORTH_COMPRESSING;
  const coding = compress ? "gzip" : sidecar?.coding ?? null;

  const validators = await validatorsOf(opened, coding, settings);
  const { etag, lastModified } = validators;
  const lasting: HeaderList = [["etag", compress ? weakened(etag) : etag]];
  if (lastModified !== null) {
    lasting.push(["last-modified", formatHttpDate(lastModified)]);
  }
  if (settings.cacheControl !== null) {
    lasting.push(["cache-control", settings.cacheControl]);
  }
  if (vary.length > 0) lasting.push(["vary", vary.join(", ")]);

  const outcome = checkConditions(conditions, validators);
  if (outcome === 412) return await replyStatus(send, 412);
  if (outcome === 304) {
    await send({ type: "http.response.start", status: 304, headers: lasting });
    return await send({ type: "http.response.body" });
  }

  const wanted = ranged ? rangeToHonour(conditions, validators) : null;
  const range = wanted === null ? null : parseRange(wanted, size);
  if (range === "unsatisfiable") {
    return await replyStatus(send, 416, [["content-range", `bytes */${size}`]]);
  }
  const offset = range?.start ?? 0;
  const length = range === null ? size : range.end - range.start + 1;

  const headers: HeaderList = [["content-type", type]];
  if (!compress) headers.push(["content-length", String(length)]);
  headers.push(...lasting, ["x-content-type-options", "nosniff"]);
  if (coding !== null) headers.push(["content-encoding", coding]);
  if (settings.handleRanges && !compress) {
    headers.push(["accept-ranges", "bytes"]);
  }
  if (range !== null) {
    headers.push([
      "content-range",
      `bytes ${range.start}-${range.end}/${size}`,
    ]);
  }
  const small = isGet && !compress && length <= SMALL
    ? readSlice(file, offset, length)
    : null;
  await send({
    type: "http.response.start",
    status: range === null ? 200 : 206,
    headers,
  });
  if (small !== null || !isGet) {
    await send({ type: "http.response.body", body: small ?? "" });
  } else if (compress) {
    await sendCompressed(receive, send, file);
  } else {
    await send({ type: "http.response.body", fh: file, offset, length });
  }
}

/** What tells this version of a file, in this coding, from others. */
async function validatorsOf(
  opened: OpenedFile,
  coding: Coding | null,
  { digests }: FileSettings,
): Promise<Validators> {
  const now = Date.now();
  const { size, mtime } = opened.info;
  const modified = mtime?.getTime() ?? null;
  const tag = digests === null
    ? fileTag(size, modified, now)
    : contentTag(await digests.of(opened));
  return {
    etag: coding === null ? tag : codedTag(tag, coding),
    // A time that cannot be true is no help (RFC 9110, 8.8.2.1), nor is one
    // that is known to mean nothing.
    lastModified: digests === null && modified !== null && modified > 0 &&
        modified <= now
      ? modified - modified % 1000
      : null,
  };
}

function readSlice(
  file: Deno.FsFile,
  offset: number,
  length: number,
): Uint8Array {
  if (offset > 0) file.seekSync(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) {
      throw new Error("a file became shorter while it was being read");
    }
    filled += count;
  }
  return bytes;
}
