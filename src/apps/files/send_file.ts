/** One file as a response. */

import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import type { Alias, FileCache } from "./file_cache.ts";
import {
  bytesAt,
  MAX_CACHED_FILE_BYTES,
  type SmallFile,
} from "./small_file.ts";
import { type ContentDigests, versionOf } from "./file_version.ts";
import { gzipped } from "./gzip.ts";
import { RangeParts } from "./range_parts.ts";
import {
  answerWith,
  readyAnswers,
  sendBytes,
  sendReady,
} from "./ready_file.ts";
import {
  acceptedCodings,
  type Coding,
  openSidecar,
  sidecarStamps,
} from "./sidecar.ts";
import { replyStatus, type RequestScope } from "../reply.ts";
import type { CachePolicy } from "../../http/content_type.ts";
import {
  checkConditions,
  parseRanges,
  rangeToHonour,
  readConditions,
} from "../../http/conditional.ts";
import {
  contentTypeOf,
  isCompressible,
  wholeCharacters,
} from "../../http/content_type.ts";
import { codedTag, weakened } from "../../http/etags.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";

/** How files are sent. */
export interface FileSettings {
  readonly files: FileCache;
  /** The media type of files whose name does not determine it. */
  readonly defaultType: string;
  readonly handleRanges: boolean;
  /** Send sidecars in place of their files. */
  readonly precompressed: boolean;
  /** Compress files that are worth it. */
  readonly compress: boolean;
  /** The charset of text that declares none; null to detect UTF-8. */
  readonly charset: string | null;
  readonly cacheControl: CachePolicy;
  /** Makes entity tags from the content; null for times and sizes. */
  readonly digests: ContentDigests | null;
  /** Give documents an origin of their own, as others may have put them here. */
  readonly sandbox: boolean;
}

/** A file, and its path beneath the root. */
export interface FoundFile {
  readonly opened: OpenedFile | SmallFile;
  readonly path: string;
  /** Where it was found, unless that is its path. */
  readonly alias?: Alias;
  /** Request fields that the choice of this file depends on. */
  readonly vary?: readonly string[];
}

/** Media types of documents whose scripts a browser runs. */
const ACTIVE = /html|xml|svg/i;
/** Keeps a document out of the origin that serves it: CSP Level 3, 6.3.2. */
const SANDBOX =
  "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";

function sandboxOf(type: string, { sandbox }: FileSettings): HeaderList {
  return sandbox && ACTIVE.test(type)
    ? [["content-security-policy", SANDBOX]]
    : [];
}

/** Bytes below which compression does not save a packet. */
export const WORTH_COMPRESSING = 1024;

/**
 * Answers a GET or HEAD request with `found`, or with a compressed form of it:
 * 200, 206, 304, 412 or 416 as in RFC 9110. The file stays open.
 *
 * @param client Watches for a disconnect; called only for what takes long.
 */
export async function sendFile(
  scope: RequestScope,
  client: () => RequestReader,
  send: Send,
  found: FoundFile,
  settings: FileSettings,
): Promise<void> {
  const { path } = found;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const isGet = scope.method === "GET";
  const conditions = readConditions(scope.headers);
  // Only GET has ranges (RFC 9110, 14.2).
  const ranged = settings.handleRanges && isGet &&
    conditions.range !== undefined;
  const type = typeOf(found.opened, name, settings);
  const stored = storedCoding(found.opened, name);
  const vary = [...found.vary ?? []];
  let accepted = "";
  if (
    stored === null && isCompressible(type) &&
    (settings.precompressed || settings.compress)
  ) {
    vary.push("accept-encoding");
    accepted = acceptedCodings(fieldValue(scope.headers, "accept-encoding"));
  }
  const codings = accepted === "" ? [] : accepted.split(",") as Coding[];
  const looksForSidecar = settings.precompressed && codings.length > 0;
  const sidecar = looksForSidecar
    ? await openSidecar(settings.files, path, found.opened, codings, client)
    : null;
  using _sidecar = sidecar?.opened;
  const opened = sidecar?.opened ?? found.opened;
  // Large files in /proc report a size of 0.
  const isSized = opened.kind === "small" || opened.info.size > 0;
  const size = opened.kind === "small" ? opened.bytes.length : opened.info.size;
  // Compressed output has no ranges, as it may differ each time.
  const compress = settings.compress && sidecar === null && !ranged &&
    codings.includes("gzip") && (size >= WORTH_COMPRESSING || !isSized);
  const coding = compress ? "gzip" : sidecar?.coding ?? null;

  const version = await versionOf(opened, settings.digests, client);
  if (version === null) return;
  const { tag, lastModified, date } = version;
  const etag = coding === null || tag === null ? tag : codedTag(tag, coding);
  const validators = { etag, lastModified };
  const lasting: HeaderList = [];
  if (etag !== null) lasting.push(["etag", compress ? weakened(etag) : etag]);
  if (date !== null) lasting.push(["last-modified", date]);
  const cacheControl = settings.cacheControl(name, type);
  if (cacheControl !== null) lasting.push(["cache-control", cacheControl]);
  if (vary.length > 0) lasting.push(["vary", vary.join(", ")]);
  const content: HeaderList = [...lasting];
  const contentCoding = coding ?? stored;
  if (contentCoding !== null) {
    content.push(["content-encoding", contentCoding]);
  }
  const rest: HeaderList = [
    ["x-content-type-options", "nosniff"],
    ...sandboxOf(type, settings),
  ];
  if (settings.handleRanges && !compress && isSized) {
    rest.push(["accept-ranges", "bytes"]);
  }

  const status = checkConditions(conditions, validators);
  if (
    !ranged && status !== 412 && size > 0 &&
    found.opened.kind === "small" && found.vary === undefined &&
    opened.kind === "small" && opened.version === version
  ) {
    const body = compress ? await opened.gzipped : opened.bytes;
    const fields: HeaderList = [
      ["content-type", type],
      ["content-length", String(body.length)],
      ...content,
      ...rest,
    ];
    const answers = readyAnswers(fields, body, lasting, validators);
    const { files } = settings;
    const stamps = looksForSidecar
      ? sidecarStamps(files, path, codings, sidecar)
      : [];
    if (stamps !== null) {
      found.opened.varies = vary.length > 0;
      files.keepReady(path, found.opened, accepted, { ...answers, stamps });
      if (found.alias !== undefined) files.keepAlias(found.alias, path);
    }
    return await sendReady(send, answerWith(status, answers, scope.method));
  }
  if (status !== null) return await replyUnsent(send, status, lasting);

  const wanted = ranged && isSized
    ? rangeToHonour(conditions, validators)
    : null;
  const ranges = wanted === null ? null : parseRanges(wanted, size);
  if (ranges === "unsatisfiable") {
    return await replyStatus(send, 416, [["content-range", `bytes */${size}`]]);
  }
  if (ranges !== null && ranges.length > 1) {
    const parts = new RangeParts(ranges, type, size);
    return await parts.send(send, opened, content, client);
  }
  const range = ranges === null ? null : ranges[0];
  const offset = range?.start ?? 0;
  const length = range === null ? size : range.end - range.start + 1;
  const body = opened.kind !== "small"
    ? null
    : compress
    ? await opened.gzipped
    : opened.bytes.subarray(offset, offset + length);

  const headers: HeaderList = [["content-type", type]];
  if (body !== null || !compress && isSized) {
    headers.push(["content-length", String(body?.length ?? length)]);
  }
  headers.push(...content, ...rest);
  if (range !== null) {
    headers.push([
      "content-range",
      `bytes ${range.start}-${range.end}/${size}`,
    ]);
  }
  await send({
    type: "http.response.start",
    status: range === null ? 200 : 206,
    headers,
  });
  if (!isGet) {
    await send({ type: "http.response.body" });
  } else if (opened.kind === "small") {
    await sendBytes(send, body);
  } else if (compress) {
    await sendCompressed(client(), send, opened.file, isSized ? size : null);
  } else if (!isSized) {
    await send({ type: "http.response.body", fh: opened.file, offset: 0 });
  } else {
    // With `close`, the engine may send the file by itself, which is faster.
    const fh = opened.file;
    await send({ type: "http.response.body", fh, offset, length, close: 1 });
  }
}

/**
 * Sends the whole of a file with status 404, without the conditions and ranges
 * of a GET, which do not apply to it (RFC 9110, 13.2.1, 14.2).
 */
export async function sendNotFoundPage(
  scope: RequestScope,
  send: Send,
  { opened, path }: FoundFile,
  settings: FileSettings,
  more: HeaderList,
): Promise<void> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const size = opened.kind === "small" ? opened.bytes.length : opened.info.size;
  const type = typeOf(opened, name, settings);
  await send({
    type: "http.response.start",
    status: 404,
    headers: [
      ["content-type", type],
      ["content-length", String(size)],
      ...more,
      ...sandboxOf(type, settings),
      ["x-content-type-options", "nosniff"],
    ],
  });
  if (scope.method === "HEAD") {
    await send({ type: "http.response.body" });
  } else if (opened.kind === "small") {
    await send({ type: "http.response.body", body: opened.bytes });
  } else {
    const length = size;
    await send({
      type: "http.response.body",
      fh: opened.file,
      offset: 0,
      length,
    });
  }
}

/** Sends 304 with the fields of the current version, or 412. */
export async function replyUnsent(
  send: Send,
  status: 304 | 412,
  headers: HeaderList,
): Promise<void> {
  if (status === 412) return await replyStatus(send, 412);
  await send({ type: "http.response.start", status, headers });
  await send({ type: "http.response.body" });
}

/** Bytes of a large file from which its type is detected. */
const HEAD_BYTES = 4096;
const NOTHING = new Uint8Array();

function headOf(opened: OpenedFile | SmallFile): Uint8Array {
  // A larger file has the same type while it is not in memory.
  return opened.kind === "small" && opened.bytes.length <= MAX_CACHED_FILE_BYTES
    ? opened.bytes
    : wholeCharacters(bytesAt(opened, 0, HEAD_BYTES) ?? NOTHING);
}

/** The type of a file, even if a sidecar is sent in its place. */
function typeOf(
  opened: OpenedFile | SmallFile,
  name: string,
  { defaultType, charset }: FileSettings,
): string {
  if (opened.kind === "small" && opened.type !== null) return opened.type;
  const type = contentTypeOf(name, defaultType, charset, () => headOf(opened));
  if (opened.kind === "small") opened.type = type;
  return type;
}

const GZIPPED_SVG = /\.svgz$/i;

/** The coding of a file that has its type only when decompressed. */
function storedCoding(
  opened: OpenedFile | SmallFile,
  name: string,
): "gzip" | null {
  if (!GZIPPED_SVG.test(name)) return null;
  const [first, second] = headOf(opened);
  return first === 0x1f && second === 0x8b ? "gzip" : null;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Sends the first `size` bytes of `file` (null for all) as the body of a
 * response that has started, compressed with gzip, as fast as the client reads.
 * Bytes appended meanwhile do not belong to the version in the header.
 *
 * @throws {Error} When the file becomes shorter, so that the response is cut
 * off: the client could not notice it otherwise.
 */
export async function sendCompressed(
  client: RequestReader,
  send: Send,
  file: Deno.FsFile,
  size: number | null,
): Promise<void> {
  let reading: Promise<number | null> = Promise.resolve(null);
  let left = size ?? Infinity;
  file.seekSync(0, Deno.SeekMode.Start);
  // Unlike `file.readable`, this does not close the file.
  const chunks = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, left));
      if (buffer.length === 0) return controller.close();
      reading = file.read(buffer);
      const count = await reading;
      if (count !== null) {
        left -= count;
        return controller.enqueue(buffer.subarray(0, count));
      }
      // System files may report more than they have.
      if (size !== null && file.statSync().size < size) {
        throw new Error(
          `a file of ${size} bytes became ${left} bytes shorter while it was ` +
            `being sent; the response is cut short`,
        );
      }
      controller.close();
    },
  });
  try {
    for await (const body of gzipped(chunks)) {
      await send({ type: "http.response.body", body, more: 1 });
      if (client.disconnected) return;
    }
    await send({ type: "http.response.body" });
  } finally {
    // The caller closes the file, which must not be being read then.
    await reading.catch(() => {});
  }
}
