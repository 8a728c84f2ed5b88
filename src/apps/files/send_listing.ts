/** The listing of a directory as a response. */

import { preferredType } from "../../http/negotiation.ts";
import { fieldValue, reasonPhrase } from "../../http/headers.ts";
import type {
  FindReady,
  ReadyAnswer,
  ReadyAnswers,
  ReadyRequest,
} from "../../pagi/ready_answers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { encodeName } from "../../system/file_names.ts";
import { reply, type RequestScope } from "../reply.ts";
import { RequestReader } from "../disconnect.ts";
import { type DocumentRoot, isAbsence, isDenial } from "./document_root.ts";
import {
  DirectoryCache,
  DirectoryRefused,
  type Found,
  type Use,
} from "./directory_cache.ts";
import {
  type DirectoryContents,
  DirectoryTooLong,
  type Entry,
  type Order,
  readEntries,
  readReadme,
  sortEntries,
} from "./directory_entries.ts";
import { LISTING_SCRIPT } from "./listing_assets.ts";
import { galleryPage } from "./gallery_page.ts";
import {
  type ListingOptions,
  listingPage,
  type ListingType,
  type ListingView,
  PAGE_SIZE,
  readListingQuery,
  textLines,
} from "./listing_page.ts";
import type { LongListings } from "./long_listings.ts";
import { Searches } from "./search.ts";
import { readmeSection } from "./markdown.ts";
import { makeBody, type PageBody, sendBody } from "./page_body.ts";
import { chooseAnswer, readyRequestOf } from "./ready_file.ts";
import { type PageParts, pagePolicy } from "./page_frame.ts";
import { Archives } from "./send_archive.ts";
import type { SendDirectory } from "./serve_tree.ts";
import { SharedWork, type TimeSlice } from "./time_slice.ts";

interface ListingSettings extends ListingOptions {
  readonly root: DocumentRoot;
  /** Forms that change directories; null where they cannot be changed. */
  readonly changes: Promise<PageParts | null> | null;
  /** Entries of the longest directory that is listed in this thread. */
  readonly longest: number;
}

const HTML = "text/html";
const JSON_TYPE = "application/json";
const PLAIN = "text/plain";

const FIELDS: Readonly<Record<ListingType, HeaderList>> = {
  [HTML]: [["content-type", `${HTML}; charset=UTF-8`]],
  [JSON_TYPE]: [["content-type", JSON_TYPE]],
  [PLAIN]: [["content-type", `${PLAIN}; charset=UTF-8`]],
};

/** Directories that are scanned at the same time. */
const MAX_SCANS = 64;
/** Bytes of memory for results and listings that are cached but not in use. */
const MAX_CACHED = 64 << 20;
/** Bytes of memory for all of them, above which no scan starts. */
const MAX_USED = 256 << 20;
/** Approximate bytes of memory for each entry. */
const ENTRY_WEIGHT = 250;

/** Milliseconds for which answers are ready: {@linkcode FileStamp}. */
const READY_MS = 1000;
/**
 * Entries of the longest directory that is not listed in a thread of its own:
 * their state can be checked within a slice of time.
 */
export const LONGEST = 1000;
/** How long a longer one is remembered as such (ms). */
const LONG_MS = 10_000;
/** Longer ones that are remembered. */
const MAX_LONG = 1000;
/** Answers that are ready for a directory; clients choose them by their fields. */
const MAX_READY = 4;
/** UTF-16 units of the fields that choose an answer. */
const MAX_READY_KEY = 1000;
/** An upper bound of the memory for one, in bytes, besides its body. */
const READY_WEIGHT = 4096;

/** What a listing depends on, besides the directory. */
interface ListingRequest {
  readonly rootPath: string;
  readonly parts: readonly string[];
  readonly type: ListingType;
  readonly order: Order;
  readonly view: ListingView;
  /** From 1; null for all entries. */
  readonly page: number | null;
}

/** The contents of a directory, and the listings of it. */
interface DirectoryListing extends Found, DirectoryContents {
  /** By all that they depend on. */
  readonly bodies: Map<string, SharedWork<PageBody>>;
  /** Answers, by {@linkcode readyKey}. */
  readonly ready: Map<string, ReadyListing>;
}

interface ReadyListing extends ReadyAnswers {
  /** When the directory was found, in milliseconds since 1970. */
  readonly since: number;
}

/**
 * Makes the function that lists directories as HTML, or as JSON or plain text
 * for clients that prefer it, or sends them as archives if the query asks for
 * that, and the one that finds what it has kept ready. They block the thread for
 * at most one slice of time (time_slice.ts).
 */
export function directorySender(settings: ListingSettings): {
  sendDirectory: SendDirectory;
  findReadyListing: FindReady;
} {
  const { root, changes, ...options } = settings;
  const { showHidden } = options;
  let { longest } = options;
  let listThread: Promise<LongListings> | null = null;
  /** When a directory was too long, by its path. */
  const tooLong = new Map<string, number>();
  const listings = new DirectoryCache<DirectoryListing>(
    MAX_SCANS,
    MAX_CACHED,
    MAX_USED,
  );
  let policy: Promise<string> | null = null;
  const fieldsOf = async (type: ListingType): Promise<HeaderList> => {
    if (type !== HTML) return FIELDS[type];
    policy ??= Promise.resolve(settings.changes)
      .then((parts) => pagePolicy(LISTING_SCRIPT, parts ?? null));
    return [...FIELDS[HTML], ["content-security-policy", await policy]];
  };
  const archives = new Archives(root, showHidden);
  const searches = new Searches(root, showHidden);

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
        longest,
      );
      const weight = contents.entries.length * ENTRY_WEIGHT;
      return { ...contents, bodies: new Map(), ready: new Map(), weight };
    } catch (error) {
      if (error instanceof DirectoryTooLong) {
        if (tooLong.size >= MAX_LONG) tooLong.clear();
        tooLong.set(path, Date.now());
      }
      if (isDenial(error)) throw unreadable(403);
      if (isAbsence(error)) throw unreadable(404);
      throw error;
    }
  }

  async function respond(
    scope: RequestScope,
    client: RequestReader,
    send: Send,
    parts: readonly string[],
  ): Promise<void> {
    const now = Date.now();
    const query = readListingQuery(scope.query_string, settings.sort);
    if (query.archive !== null && settings.zip) {
      return await archives.send(scope, send, client, parts, query.archive);
    }
    const accept = fieldValue(scope.headers, "accept");
    const type = preferredType(accept, HTML, [JSON_TYPE, PLAIN]) as ListingType;
    const rootPath = scope.root_path;
    if (query.search !== "" && settings.search) {
      const place = { rootPath, parts, title: settings.title };
      const request = { ...place, query: query.search, type };
      const fields = await fieldsOf(type);
      return await searches.send(scope, send, client, request, fields);
    }
    const path = pathOf(parts);
    const seen = tooLong.get(path) ?? -Infinity;
    if (Math.abs(now - seen) < LONG_MS && longest < Infinity) {
      throw new DirectoryTooLong();
    }
    using use = await listings.use(
      path,
      client,
      (timeSlice) => scan(path, timeSlice),
    );
    if (use === null) return;
    const request: ListingRequest = {
      rootPath,
      parts,
      type,
      order: query,
      view: query.view,
      // The page has all entries.
      page: type === HTML ? null : query.page,
    };
    const work = bodyFor(request, use);
    const body = await work.waitFor(client);
    if (body === null) return;
    const fields = await fieldsOf(type);
    await sendBody(scope, send, client, fields, body, {
      compress: settings.compress,
      grow: (bytes) => use.grow(bytes),
      keep: (answers) => {
        // One that is made for each request anew is not kept.
        if (use.found.bodies.get(bodyKey(request)) !== work) return;
        const key = readyKey(readyRequestOf(scope), rootPath);
        keepReady(use, key, { ...answers, since: now });
      },
    });
  }

  /** The answer that {@linkcode respond} has kept, if nothing has changed. */
  function findReadyListing(
    request: ReadyRequest,
    rootPath: string,
  ): ReadyAnswer | null {
    const { method, path, headers } = request;
    if (method !== "GET" && method !== "HEAD" || !path.endsWith("/")) {
      return null;
    }
    const found = listings.cached(path.slice(1));
    if (found === null || found.ready.size === 0) return null;
    const ready = found.ready.get(readyKey(request, rootPath));
    if (ready === undefined) return null;
    const age = Date.now() - ready.since;
    // The clock may have been set back.
    if (age < 0 || age >= READY_MS) return null;
    const answer = chooseAnswer(ready, method, headers);
    return answer !== null && found.snapshot.isCurrentNow() ? answer : null;
  }

  /** The listing for a request: the cached one, or one that is being made. */
  function bodyFor(
    request: ListingRequest,
    use: Use<DirectoryListing>,
  ): SharedWork<PageBody> {
    const { bodies } = use.found;
    const { page } = request;
    const key = bodyKey(request);
    const cached = bodies.get(key);
    if (cached !== undefined) return cached;
    const work = new SharedWork(async (timeSlice) => {
      const { body, settled } = await makeListing(
        use.found,
        request,
        timeSlice,
      );
      if (settled && page === null) use.grow(body.bytes.length);
      else bodies.delete(key);
      return body;
    });
    work.result.catch(() => bodies.delete(key));
    // A client that reads pages asks for each only once.
    if (page === null) bodies.set(key, work);
    return work;
  }

  /** `settled`: no later change of the README would go unnoticed. */
  async function makeListing(
    { entries, unreadable }: DirectoryContents,
    { rootPath, parts, type, order, view, page }: ListingRequest,
    timeSlice: TimeSlice,
  ): Promise<{ body: PageBody; settled: boolean }> {
    const sorted = await sortEntries(entries, order, timeSlice);
    const { readme, settled } = type === HTML && settings.readme
      ? await readReadme(root, pathOf(parts), sorted, timeSlice)
      : { readme: null, settled: true };
    const { title, zip, search, markdown } = settings;
    const below = readme === null
      ? ""
      : await readmeSection(readme.name, readme.text, markdown);
    // Programs get all entries, too, unless they ask for a page.
    const shown = page === null
      ? sorted
      : sorted.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
    const texts = type === JSON_TYPE
      ? json(shown)
      : type === PLAIN
      ? lines(shown)
      : (view === "gallery" ? galleryPage : listingPage)({
        rootPath,
        parts,
        title,
        entries: sorted,
        unreadable,
        order,
        view,
        zip,
        search,
        below,
        changes: await settings.changes ?? null,
      });
    // Plain text has the bytes of names that are not UTF-8.
    const encode = type === PLAIN ? encodeName : undefined;
    return { body: await makeBody(texts, timeSlice, encode), settled };
  }

  function longListings(): Promise<LongListings> {
    return listThread ??= Promise.all([import("./long_listings.ts"), changes])
      .then(([{ LongListings }, changes]) => {
        const { appName, directory } = root;
        const settings = { ...options, appName, directory, changes };
        return new LongListings(settings, () => longest = Infinity);
      });
  }

  /** Responds, or has the thread do so. */
  async function answer(...given: Parameters<typeof respond>): Promise<void> {
    try {
      return await respond(...given);
    } catch (error) {
      if (!(error instanceof DirectoryTooLong)) throw error;
    }
    // Where there can be no thread, this one lists all directories.
    if (!await (await longListings()).send(...given)) await respond(...given);
  }

  // The directory is opened anew for a scan, which several requests may share.
  const sendDirectory: SendDirectory = async (
    scope,
    receive,
    send,
    parts,
  ) => {
    const client = RequestReader.watch(receive);
    try {
      await answer(scope, client, send, parts);
    } catch (error) {
      if (!(error instanceof DirectoryRefused)) throw error;
      const { status, message } = error;
      await reply(send, status, [
        ["content-type", "text/plain; charset=UTF-8"],
        ...status === 503 ? [["retry-after", "5"] as [string, string]] : [],
      ], `${message}\n`);
    }
  };
  return { sendDirectory, findReadyListing };
}

/** All that the listing of a directory depends on, as a key. */
function bodyKey({ rootPath, type, order, view, page }: ListingRequest) {
  const { sort, descending } = order;
  return JSON.stringify([type, sort, descending, view, page, rootPath]);
}

/** All that an answer depends on, besides its conditions, as a key. */
function readyKey(
  { path, rawPath, query, headers }: ReadyRequest,
  rootPath: string,
): string {
  const accept = fieldValue(headers, "accept") ?? "";
  const codings = fieldValue(headers, "accept-encoding") ?? "";
  // Only `path`, which is decoded, may have line feeds.
  return `${rawPath}\n${query}\n${rootPath}\n${accept}\n${codings}\n${path}`;
}

/** Keeps an answer with the directory that it lists. */
function keepReady(
  { found, grow }: Use<DirectoryListing>,
  key: string,
  answer: ReadyListing,
): void {
  const { ready, snapshot } = found;
  if (snapshot.size > LONGEST || key.length > MAX_READY_KEY) return;
  if (!ready.has(key)) {
    if (ready.size < MAX_READY) grow(READY_WEIGHT);
    else ready.delete(ready.keys().next().value!);
  }
  ready.set(key, answer);
}

function unreadable(status: 403 | 404): DirectoryRefused {
  return new DirectoryRefused(status, reasonPhrase(status));
}

/** The path beneath the root of the directory of `parts`. */
function pathOf(parts: readonly string[]): string {
  return parts.map((part) => `${part}/`).join("");
}

/** Entries in one chunk of JSON or plain text. */
const GROUP = 200;

function* json(entries: readonly Entry[]): Generator<string> {
  for (let i = 0; i < entries.length; i += GROUP) {
    const items = JSON.stringify(entries.slice(i, i + GROUP)).slice(1, -1);
    yield (i === 0 ? "[" : ",") + items;
  }
  yield entries.length === 0 ? "[]" : "]";
}

function* lines(entries: readonly Entry[]): Generator<string> {
  for (let i = 0; i < entries.length; i += GROUP) {
    yield textLines(entries.slice(i, i + GROUP));
  }
}
