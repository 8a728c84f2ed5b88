/**
 * One file as a response.
 *
 * @module
 */

import type { RequestReader } from "../disconnect.ts";
import type { OpenedFile } from "./document_root.ts";
import {
  type CachedResponse,
  type FileCache,
  readAt,
  type SmallFile,
} from "./file_cache.ts";
import { type ContentDigests, versionOf } from "./file_version.ts";
import { type Coding, CODINGS, openSidecar } from "./sidecar.ts";
import { replyStatus, type RequestScope } from "../reply.ts";
import type { CachePolicy } from "../../http/content_type.ts";
import { preferredCodings } from "../../http/negotiation.ts";
import {
  checkConditions,
  NO_CONDITIONS,
  parseRange,
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
  /** The media type where the name does not tell. */
  readonly defaultType: string;
  readonly handleRanges: boolean;
  /** Send compressed files that lie next to the ones asked for. */
  readonly precompressed: boolean;
  /** Compress what shrinks. */
  readonly compress: boolean;
  /** The charset of text that does not say its own; null for what fits. */
  readonly charset: string | null;
  readonly cacheControl: CachePolicy;
  /** What files contain, where their tags shall tell; else times and sizes do. */
  readonly digests: ContentDigests | null;
}

/** A file, and its path beneath the root. */
export interface FoundFile {
  readonly opened: OpenedFile | SmallFile;
  readonly path: string;
  /** Fields of the request that the choice of this file depends on. */
  readonly vary?: readonly string[];
}

/** Below this many bytes compression saves no packet. */
const WORTH_COMPRESSING = 1024;

/** The answer with all of `file`, if it is known and `scope` asks for that. */
export function cachedResponse(
  scope: RequestScope,
  file: SmallFile,
): CachedResponse | null {
  const { response } = file;
  return response !== null && scope.method === "GET" &&
      readConditions(scope.headers) === NO_CONDITIONS &&
      !(response.uncodedOnly &&
        fieldValue(scope.headers, "accept-encoding") !== null)
    ? response
    : null;
}

/** Sends what {@linkcode cachedResponse} found. */
export async function sendCached(
  send: Send,
  { headers }: CachedResponse,
  file: SmallFile,
): Promise<void> {
  await send({
    type: "http.response.start",
    status: 200,
    // Others on the way may change what they are given.
    headers: headers.map(([name, value]) => [name, value]),
  });
  await send({ type: "http.response.body", body: file.bytes });
}

/**
 * Answers a GET or HEAD request with `found`, or with a compressed form of it:
 * 200, 206, 304, 412 or 416 as RFC 9110 has it. The file stays open.
 *
 * @param client Tells that the client left; only asked for where work waits.
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
  const type = typeOf(found, name, settings);
  const stored = storedCoding(found, name);
  const vary = [...found.vary ?? []];
  let codings: Coding[] = [];
  if (
    stored === null && isCompressible(type) &&
    (settings.precompressed || settings.compress)
  ) {
    vary.push("accept-encoding");
    const accepted = fieldValue(scope.headers, "accept-encoding");
    codings = preferredCodings(accepted, CODINGS);
  }
  const opening = settings.precompressed
    ? openSidecar(settings.files, path, found.opened, codings, client)
    : null;
  const sidecar = opening instanceof Promise ? await opening : opening;
  using _sidecar = sidecar?.opened;
  const opened = sidecar?.opened ?? found.opened;
  // What says that it has no bytes and has too many to be small: in /proc.
  const isSized = opened.kind === "small" || opened.info.size > 0;
  const size = opened.kind === "small" ? opened.bytes.length : opened.info.size;
  // Nobody can ask for parts of what is made anew each time.
  const compress = settings.compress && sidecar === null && !ranged &&
    codings.includes("gzip") && (size >= WORTH_COMPRESSING || !isSized);
  const coding = compress ? "gzip" : sidecar?.coding ?? null;

  const version = versionOf(opened, settings.digests, client);
  const known = version instanceof Promise ? await version : version;
  if (known === null) return;
  const { tag, lastModified, date } = known;
  const etag = coding === null || tag === null ? tag : codedTag(tag, coding);
  const validators = { etag, lastModified };
  const lasting: HeaderList = [];
  if (etag !== null) lasting.push(["etag", compress ? weakened(etag) : etag]);
  if (date !== null) lasting.push(["last-modified", date]);
  const cacheControl = settings.cacheControl(name, type);
  if (cacheControl !== null) lasting.push(["cache-control", cacheControl]);
  if (vary.length > 0) lasting.push(["vary", vary.join(", ")]);

  const outcome = checkConditions(conditions, validators);
  if (outcome === 412) return await replyStatus(send, 412);
  if (outcome === 304) {
    await send({ type: "http.response.start", status: 304, headers: lasting });
    return await send({ type: "http.response.body" });
  }

  const wanted = ranged && isSized
    ? rangeToHonour(conditions, validators)
    : null;
  const range = wanted === null ? null : parseRange(wanted, size);
  if (range === "unsatisfiable") {
    return await replyStatus(send, 416, [["content-range", `bytes */${size}`]]);
  }
  const offset = range?.start ?? 0;
  const length = range === null ? size : range.end - range.start + 1;
  const body = opened.kind !== "small"
    ? null
    : compress
    ? opened.gzipped
    : opened.bytes.subarray(offset, offset + length);

  const headers: HeaderList = [["content-type", type]];
  if (body !== null || !compress && isSized) {
    headers.push(["content-length", String(body?.length ?? length)]);
  }
  headers.push(...lasting, ["x-content-type-options", "nosniff"]);
  const contentCoding = coding ?? stored;
  if (contentCoding !== null) {
    headers.push(["content-encoding", contentCoding]);
  }
  if (settings.handleRanges && !compress && isSized) {
    headers.push(["accept-ranges", "bytes"]);
  }
  if (range !== null) {
    headers.push([
      "content-range",
      `bytes ${range.start}-${range.end}/${size}`,
    ]);
  }
  if (
    isGet && opened.kind === "small" && opened.version === version &&
    conditions === NO_CONDITIONS && codings.length === 0 &&
    found.vary === undefined
  ) {
    const uncodedOnly = vary.length > 0;
    const copy = headers.map(([name, value]) => [name, value]);
    opened.response = { headers: copy as HeaderList, uncodedOnly };
  }
  await send({
    type: "http.response.start",
    status: range === null ? 200 : 206,
    headers,
  });
  if (!isGet) {
    await send({ type: "http.response.body" });
  } else if (opened.kind === "small") {
    await send({ type: "http.response.body", body: body! });
  } else if (compress) {
    await sendCompressed(client(), send, opened.file, isSized ? size : null);
  } else if (!isSized) {
    await send({ type: "http.response.body", fh: opened.file, offset: 0 });
  } else {
    // The server may leave the file to the engine, which is faster.
    const fh = opened.file;
    await send({ type: "http.response.body", fh, offset, length, close: 1 });
  }
}

/** Bytes at the beginning of a large file that tell what it is. */
const HEAD = 4096;
const NOTHING = new Uint8Array();

function headOf(opened: OpenedFile | SmallFile): Uint8Array {
  if (opened.kind === "small") return opened.bytes;
  if (opened.mayBlock) {
    return wholeCharacters(opened.head?.subarray(0, HEAD) ?? NOTHING);
  }
  const head = new Uint8Array(HEAD);
  return wholeCharacters(head.subarray(0, readAt(opened.file, head, 0)));
}

/** The type of a file, whatever is sent in its place. */
function typeOf(
  { opened }: FoundFile,
  name: string,
  { defaultType, charset }: FileSettings,
): string {
  if (opened.kind === "small" && opened.type !== null) return opened.type;
  const type = contentTypeOf(
    name,
    defaultType,
    charset,
    () => headOf(opened),
  );
  if (opened.kind === "small") opened.type = type;
  return type;
}

const GZIPPED_SVG = /\.svgz$/i;

/** How a file is compressed that is what it is only when decompressed. */
function storedCoding({ opened }: FoundFile, name: string): "gzip" | null {
  if (!GZIPPED_SVG.test(name)) return null;
  const [first, second] = headOf(opened);
  return first === 0x1f && second === 0x8b ? "gzip" : null;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Sends the first `size` bytes of `file`, or all where that is null, as the
 * body of a response that has started, compressed with gzip, no faster than
 * the client takes it. What is added meanwhile is not in the version that the
 * head names.
 *
 * @throws {Error} When the file becomes shorter: the response is to be cut, as
 * no client could tell.
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
  // Unlike the file's own stream, this does not close the file.
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
      // A system file may say that it has more than there is.
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
    for await (
      const body of chunks.pipeThrough(new CompressionStream("gzip"))
    ) {
      await send({ type: "http.response.body", body, more: 1 });
      if (client.disconnected) return;
    }
    await send({ type: "http.response.body" });
  } finally {
    // The caller closes the file, which nobody must be reading then.
    await reading.catch(() => {});
  }
}
