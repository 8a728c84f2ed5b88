/**
 * The listing of a folder as a response.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  gzipSync,
} from "node:zlib";
import { preferredCodings, preferredType } from "../../http/negotiation.ts";
import { checkConditions, readConditions } from "../../http/conditional.ts";
import { codedTag, contentTag } from "../../http/etags.ts";
import { fieldValue, reasonPhrase } from "../../http/headers.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import type { HeaderList, Receive, Send } from "../../pagi/types.ts";
import { encodeName } from "../../system/file_names.ts";
import { reply, replyStatus, type RequestScope } from "../reply.ts";
import { RequestReader } from "../disconnect.ts";
import { isAbsence, isDenial } from "./document_root.ts";
import type { DocumentRoot } from "./document_root.ts";
import {
  DirectoryCache,
  DirectoryRefused,
  type Found,
  type Use,
} from "./directory_cache.ts";
import { listingPage, PAGE_SIZE, readListingQuery } from "./listing_page.ts";
import { LISTING_SCRIPT, LISTING_STYLE } from "./listing_assets.ts";
import {
  type DirectoryContents,
  type Entry,
  type Order,
  readEntries,
  readReadme,
  sortEntries,
  type SortKey,
} from "./directory_entries.ts";
import { Archives } from "./send_archive.ts";
import type { SendDirectory } from "./serve_tree.ts";
import { TimeSlice } from "./time_slice.ts";
import { concat } from "../../std/bytes.ts";

/** How folders are listed. */
interface ListingSettings {
  readonly root: DocumentRoot;
  readonly showHidden: boolean;
  /** What the root is called; null if it is called by its path. */
  readonly title: string | null;
  /** What entries are sorted by unless a request says more. */
  readonly sort: SortKey;
  /** Offer folders as archives. */
  readonly zip: boolean;
  /** Show README files below the entries. */
  readonly readme: boolean;
  /** Compress what shrinks. */
  readonly compress: boolean;
}

const HTML = "text/html";
const JSON_TYPE = "application/json";
const PLAIN = "text/plain";
const TYPES = [HTML, JSON_TYPE, PLAIN] as const;
type ListingType = typeof TYPES[number];

/** The page's own style and script, forms that lead back to it, nothing else. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; " +
  `style-src ${sourceOf(LISTING_STYLE)}; script-src ${
    sourceOf(LISTING_SCRIPT)
  }; base-uri 'none'; form-action 'self'; frame-ancestors 'self'`;

const FIELDS: Readonly<Record<ListingType, HeaderList>> = {
  [HTML]: [
    ["content-type", `${HTML}; charset=UTF-8`],
    ["content-security-policy", CONTENT_SECURITY_POLICY],
  ],
  [JSON_TYPE]: [["content-type", JSON_TYPE]],
  [PLAIN]: [["content-type", `${PLAIN}; charset=UTF-8`]],
};

/** Codings of listings, the best one first. */
const CODINGS = ["br", "gzip"] as const;
type Coding = typeof CODINGS[number];
/** Below this many bytes compression saves no packet. */
const WORTH_COMPRESSING = 1024;
/** Bytes that are compressed or sent at once. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes of a body that is sent in chunks. */
const LONG = 4 * CHUNK_BYTES;
/** Of 11: as fast as gzip, and smaller. */
const BROTLI_QUALITY = 4;

/** Folders that are looked at at a time. */
const MAX_SCANS = 64;
/**
 * Bytes of memory for what was found in folders and made of it, when nobody
 * uses it any more …
 */
const MAX_KEPT = 64 << 20;
/** … and together with what is used. */
const MAX_USED = 256 << 20;
/** About the bytes of memory for each entry. */
const ENTRY_WEIGHT = 250;

/** A listing as it is sent. */
interface Body {
  readonly tag: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same compressed, once somebody has asked for it. */
  readonly coded: Map<Coding, Promise<Uint8Array<ArrayBuffer>>>;
}

/** What a listing depends on, beside the folder. */
interface Wanted {
  readonly rootPath: string;
  readonly parts: readonly string[];
  readonly type: ListingType;
  readonly order: Order;
  /** From 1; null for all entries. */
  readonly page: number | null;
}

/** A listing that is made, or has been made. */
interface Making {
  /** How many wait for it; it is given up when nobody does. */
  waiting: number;
  readonly body: Promise<Body>;
}

/** What a folder holds, and what has been made of that. */
interface DirectoryListing extends Found, DirectoryContents {
  /** By all that they depend on. */
  readonly bodies: Map<string, Making>;
}

/**
 * What lists folders: as HTML, or as JSON or plain text to those who prefer
 * it; or sends them as archives where the query asks for that. Nothing in it
 * keeps others waiting for longer than a slice of time (turns.ts).
 */
export function directorySender(settings: ListingSettings): SendDirectory {
  const { root, showHidden } = settings;
  const listings = new DirectoryCache<DirectoryListing>(
    MAX_SCANS,
    MAX_KEPT,
    MAX_USED,
  );
  const archives = new Archives(root, showHidden);

  async function scan(
    path: string,
    timeSlice: TimeSlice,
  ): Promise<DirectoryListing> {
    const opened = root.open(path);
    if (typeof opened === "number") throw unreadable(opened);
    using directory = opened;
    if (directory.kind === "file") throw unreadable(404);
    try {
      const contents = await readEntries(
        root,
        path,
        directory,
        showHidden,
        timeSlice,
      );
      const weight = contents.entries.length * ENTRY_WEIGHT;
      return { ...contents, bodies: new Map(), weight };
    } catch (error) {
      if (isDenial(error)) throw unreadable(403);
      if (isAbsence(error)) throw unreadable(404);
      throw error;
    }
  }

  async function answer(
    scope: RequestScope,
    receive: Receive,
    send: Send,
    parts: readonly string[],
  ): Promise<void> {
    const client = RequestReader.watch(receive);
    const query = readListingQuery(scope.query_string, settings.sort);
    if (query.zip && settings.zip) {
      return await archives.send(scope, send, client, parts);
    }
    const path = parts.map((part) => `${part}/`).join("");
    using use = await listings.use(
      path,
      client,
      (timeSlice) => scan(path, timeSlice),
    );
    if (use === null) return;
    const type = preferredType(fieldValue(scope.headers, "accept"), HTML, [
      JSON_TYPE,
      PLAIN,
    ]) as ListingType;
    const body = await bodyOf(use, client, {
      rootPath: scope.root_path,
      parts,
      type,
      order: query,
      // The page has all.
      page: type === HTML ? null : query.page,
    });
    if (body !== null) {
      await sendBody(scope, send, client, use, type, body);
    }
  }

  /**
   * What has been made of a folder before, or is made of it now, for all that
   * want it; null when the client left before.
   */
  async function bodyOf(
    use: Use<DirectoryListing>,
    client: RequestReader,
    wanted: Wanted,
  ): Promise<Body | null> {
    const { bodies } = use.found;
    const { rootPath, type, order: { sort, descending }, page } = wanted;
    const key = JSON.stringify([type, sort, descending, page, rootPath]);
    const making = bodies.get(key) ?? begin();
    making.waiting++;
    const body = await Promise.race([making.body, client.disconnect]);
    making.waiting--;
    return body ?? null;

    function begin(): Making {
      const timeSlice = new TimeSlice(() => making.waiting > 0);
      const body = makeBody(use.found, wanted, timeSlice).then(
        ({ body, lasts }) => {
          if (lasts) use.grow(body.bytes.length);
          else bodies.delete(key);
          return body;
        },
      );
      body.catch(() => bodies.delete(key));
      const making: Making = { waiting: 0, body };
      // Who asks for pages asks for each once.
      if (page === null) bodies.set(key, making);
      return making;
    }
  }

  async function makeBody(
    { entries, unreadable }: DirectoryContents,
    { rootPath, parts, type, order, page }: Wanted,
    timeSlice: TimeSlice,
  ): Promise<{ body: Body; lasts: boolean }> {
    const sorted = await sortEntries(entries, order, timeSlice);
    let lasts = page === null;
    let chunks: Iterable<Uint8Array<ArrayBuffer>>;
    if (type === HTML) {
      const { title, zip } = settings;
      const path = parts.map((part) => `${part}/`).join("");
      const { readme, settled } = settings.readme
        ? await readReadme(root, path, sorted)
        : { readme: null, settled: true };
      lasts &&= settled;
      chunks = encoded(listingPage({
        rootPath,
        parts,
        title,
        entries: sorted,
        unreadable,
        order,
        zip,
        readme,
      }));
    } else {
      // Programs get all, unless they ask for a page.
      const shown = page === null
        ? sorted
        : sorted.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
      chunks = type === JSON_TYPE ? json(shown) : lines(shown);
    }
    const made: Uint8Array<ArrayBuffer>[] = [];
    const digest = createHash("sha256");
    for (const chunk of chunks) {
      made.push(chunk);
      digest.update(chunk);
      if (timeSlice.expired) await timeSlice.yield();
    }
    const bytes = concat(made);
    markImmutable(bytes);
    const tag = contentTag(digest.digest("base64url").slice(0, 22));
    return { body: { tag, bytes, coded: new Map() }, lasts };
  }

  async function sendBody(
    scope: RequestScope,
    send: Send,
    client: RequestReader,
    use: Use<DirectoryListing>,
    type: ListingType,
    body: Body,
  ): Promise<void> {
    const [coding] = settings.compress && body.bytes.length >= WORTH_COMPRESSING
      ? preferredCodings(fieldValue(scope.headers, "accept-encoding"), CODINGS)
      : [];
    const etag = coding === undefined ? body.tag : codedTag(body.tag, coding);
    const lasting: HeaderList = [
      ["etag", etag],
      ["vary", settings.compress ? "accept, accept-encoding" : "accept"],
    ];
    const conditions = readConditions(scope.headers);
    const outcome = checkConditions(conditions, { etag, lastModified: null });
    if (outcome === 412) return await replyStatus(send, 412);
    if (outcome === 304) {
      await send({
        type: "http.response.start",
        status: 304,
        headers: lasting,
      });
      return await send({ type: "http.response.body" });
    }
    const headers = [
      ...FIELDS[type],
      ...lasting,
      ["x-content-type-options", "nosniff"],
    ] as HeaderList;
    let bytes: Uint8Array<ArrayBuffer> = body.bytes;
    if (coding !== undefined) {
      headers.push(["content-encoding", coding]);
      let coded = body.coded.get(coding);
      if (coded === undefined) {
        coded = compress(body.bytes, coding);
        body.coded.set(coding, coded);
        coded.catch(() => body.coded.delete(coding));
        use.grow((await coded).length);
      }
      bytes = await coded;
    }
    await sendBytes(scope, send, client, headers, bytes);
  }

  // Others may share the look, so it opens the folder for itself.
  return async (scope, receive, send, _folder, parts) => {
    try {
      await answer(scope, receive, send, parts);
    } catch (error) {
      if (!(error instanceof DirectoryRefused)) throw error;
      const { status, message } = error;
      await reply(send, status, [
        ["content-type", "text/plain; charset=UTF-8"],
        ...status === 503 ? [["retry-after", "5"] as [string, string]] : [],
      ], `${message}\n`);
    }
  };
}

function unreadable(status: 403 | 404): DirectoryRefused {
  return new DirectoryRefused(status, reasonPhrase(status));
}

/**
 * Sends a whole body; a long one in chunks, as the engine would hold a copy of
 * it for each slow client.
 */
async function sendBytes(
  scope: RequestScope,
  send: Send,
  client: RequestReader,
  headers: HeaderList,
  bytes: Uint8Array,
): Promise<void> {
  if (bytes.length <= LONG || scope.method === "HEAD") {
    return await reply(send, 200, headers, bytes);
  }
  headers.push(["content-length", String(bytes.length)]);
  await send({ type: "http.response.start", status: 200, headers });
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (client.disconnected) return;
    const body = bytes.subarray(at, at + CHUNK_BYTES);
    await send({ type: "http.response.body", body, more: 1 });
  }
  await send({ type: "http.response.body" });
}

const encoder = new TextEncoder();

function* encoded(
  chunks: Iterable<string>,
): Generator<Uint8Array<ArrayBuffer>> {
  for (const chunk of chunks) yield encoder.encode(chunk);
}

/** Entries in one chunk of a listing for programs. */
const GROUP = 200;

function* groups(entries: readonly Entry[]): Generator<readonly Entry[]> {
  for (let i = 0; i < entries.length; i += GROUP) {
    yield entries.slice(i, i + GROUP);
  }
}

function* json(
  entries: readonly Entry[],
): Generator<Uint8Array<ArrayBuffer>> {
  let before = "[";
  for (const group of groups(entries)) {
    yield encoder.encode(before + JSON.stringify(group).slice(1, -1));
    before = ",";
  }
  yield encoder.encode(before === "[" ? "[]" : "]");
}

/** A name on a line of its own: what would break it is shown as `?`, as by ls. */
function* lines(
  entries: readonly Entry[],
): Generator<Uint8Array<ArrayBuffer>> {
  for (const group of groups(entries)) {
    yield encodeName(
      group.map(({ name, is_dir }) =>
        `${name.replace(/\p{Cc}/gu, "?")}${is_dir ? "/" : ""}\n`
      ).join(""),
    );
  }
}

/** Compresses bytes, a chunk at a time. */
async function compress(
  bytes: Uint8Array<ArrayBuffer>,
  coding: Coding,
): Promise<Uint8Array<ArrayBuffer>> {
  const brotli = {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  };
  let compressed: Uint8Array<ArrayBuffer>;
  if (bytes.length <= CHUNK_BYTES) {
    compressed = new Uint8Array(
      coding === "br" ? brotliCompressSync(bytes, brotli) : gzipSync(bytes),
    );
  } else {
    const made: Uint8Array<ArrayBuffer>[] = [];
    const stream = coding === "br"
      ? createBrotliCompress(brotli)
      : createGzip();
    stream.on("data", (chunk: Uint8Array) => made.push(new Uint8Array(chunk)));
    const timeSlice = new TimeSlice();
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      await new Promise((resolve) => stream.write(chunk, resolve));
      if (timeSlice.expired) await timeSlice.yield();
    }
    await new Promise((resolve, reject) => {
      stream.on("end", resolve).on("error", reject).end();
    });
    compressed = concat(made);
  }
  markImmutable(compressed);
  return compressed;
}

function sourceOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
