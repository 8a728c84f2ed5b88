/** The search for names below a directory, sent as they are found. */

import type { HeaderList, Send } from "../../pagi/types.ts";
import {
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import {
  type DirectoryEntry,
  encodeName,
  holdFileLibrary,
} from "../../system/file_names.ts";
import type { RequestReader } from "../disconnect.ts";
import { replyBare, type RequestScope } from "../reply.ts";
import { DirectoryRefused } from "./directory_cache.ts";
import { type Entry, inspectEntry, readNames } from "./directory_entries.ts";
import type { DocumentRoot } from "./document_root.ts";
import {
  type ListingType,
  resultsEnd,
  resultsHead,
  row,
  type SearchLimit,
  textLines,
} from "./listing_page.ts";
import type { PagePlace } from "./page_frame.ts";
import { Abandoned, sortInSlices, TimeSlice } from "./time_slice.ts";

/** Results of one search. */
const MAX_RESULTS = 1000;
/** Milliseconds of a search, including the time slices of others. */
const MAX_SEARCH_MS = 30_000;
/** Concurrent searches. */
const MAX_SEARCHES = 8;
/** Descriptors of one search, at most. */
const SEARCH_DESCRIPTORS = 5;
/** Words of a query; the others are ignored. */
const MAX_WORDS = 10;

/** The state of one search. */
interface SearchState {
  /** Why it ended early; null if it did not. */
  limit: SearchLimit | null;
}

/** Text for comparison: without case and accents. */
function folded(text: string): string {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}+/gu, "");
}

/** The query, and the page that shows its results. */
export interface SearchRequest extends PagePlace {
  /** Words that all occur in a name. */
  readonly query: string;
  readonly type: ListingType;
}

/** Searches beneath `root`. */
export class Searches {
  readonly #root: DocumentRoot;
  readonly #showHidden: boolean;
  #running = 0;

  constructor(root: DocumentRoot, showHidden: boolean) {
    this.#root = root;
    this.#showHidden = showHidden;
  }

  /**
   * Sends the files and directories below that of `request` whose names contain
   * all words of its query, as HTML, JSON or plain text: at most 1,000, for at
   * most 30 s, or until the client disconnects. Links to directories are not
   * followed, to avoid loops.
   *
   * @throws {DirectoryRefused} When {@linkcode MAX_SEARCHES} are running.
   */
  async send(
    scope: RequestScope,
    send: Send,
    client: RequestReader,
    request: SearchRequest,
    fields: HeaderList,
  ): Promise<void> {
    const headers: HeaderList = [
      ...fields,
      ["cache-control", "no-store"],
      ["vary", "accept"],
      ["x-content-type-options", "nosniff"],
    ];
    if (scope.method === "HEAD") return await replyBare(send, 200, headers);
    if (
      this.#running >= MAX_SEARCHES || !reserveDescriptors(SEARCH_DESCRIPTORS)
    ) {
      throw new DirectoryRefused(
        503,
        "The server is searching for as many people as it can at a time; ask " +
          "again in a few seconds.",
      );
    }
    this.#running++;
    try {
      await send({ type: "http.response.start", status: 200, headers });
      for await (const text of this.#texts(client, request)) {
        const body = encodeName(text);
        await send({ type: "http.response.body", body, more: 1 });
      }
      await send({ type: "http.response.body" });
    } catch (error) {
      if (!(error instanceof Abandoned)) throw error;
    } finally {
      this.#running--;
      releaseDescriptors(SEARCH_DESCRIPTORS);
    }
  }

  /** The response in parts: one for each directory that has a result. */
  async *#texts(
    client: RequestReader,
    request: SearchRequest,
  ): AsyncGenerator<string> {
    const { type } = request;
    let count = 0;
    if (type === "text/html") yield resultsHead(request);
    if (type === "application/json") yield "[";
    const state: SearchState = { limit: null };
    for await (const entries of this.#find(client, request, state)) {
      const separator = count > 0 ? "," : "";
      count += entries.length;
      yield type === "text/html"
        ? entries.map(row).join("").toWellFormed()
        : type === "application/json"
        ? separator + JSON.stringify(entries).slice(1, -1)
        : textLines(entries);
    }
    if (type === "text/html") yield resultsEnd(count, state.limit);
    if (type === "application/json") yield "]";
  }

  /** Finds entries, whose names are their paths below the directory. */
  async *#find(
    client: RequestReader,
    { parts, query }: SearchRequest,
    state: SearchState,
  ): AsyncGenerator<Entry[]> {
    const words = folded(query).split(/\s+/).filter((word) => word !== "")
      .slice(0, MAX_WORDS);
    const base = parts.map((part) => `${part}/`).join("");
    const timeSlice = new TimeSlice(() => !client.disconnected);
    const end = performance.now() + MAX_SEARCH_MS;
    using _library = holdFileLibrary();
    let left = MAX_RESULTS;
    const stack = [""];
    for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
      if (timeSlice.expired) await timeSlice.yield();
      if (performance.now() > end) {
        state.limit = "time";
        return;
      }
      using opened = this.#root.tryOpen(base + path, "directory");
      if (opened === null) continue;
      const names = await this.#namesIn(opened.path, timeSlice);
      const results: Entry[] = [];
      const directories: string[] = [];
      for (const entry of names) {
        if (timeSlice.expired) await timeSlice.yield();
        if (performance.now() > end) {
          state.limit = "time";
          break;
        }
        if (entry.isDirectory) directories.push(`${path}${entry.name}/`);
        const name = folded(entry.name);
        if (!words.every((word) => name.includes(word))) continue;
        const { stat, problem } = inspectEntry(
          this.#root,
          base + path,
          opened,
          entry,
        );
        if (stat === null || problem !== null) continue;
        if (left === 0) {
          state.limit = "results";
          break;
        }
        left--;
        results.push({
          name: path + entry.name,
          is_dir: stat.isDirectory ? 1 : 0,
          size: stat.size,
          mtime: Math.floor(stat.mtime / 1000),
        });
      }
      if (results.length > 0) yield results;
      if (state.limit !== null) return;
      stack.push(...directories.reverse());
    }
  }

  /** The names in a directory, sorted; none if it cannot be read. */
  async #namesIn(
    path: string,
    timeSlice: TimeSlice,
  ): Promise<DirectoryEntry[]> {
    try {
      const { found } = await readNames(path, this.#showHidden, timeSlice);
      return await sortInSlices(
        found,
        (a, b) => a.name < b.name ? -1 : 1,
        timeSlice,
      );
    } catch (error) {
      if (error instanceof Abandoned) throw error;
      return [];
    }
  }
}
