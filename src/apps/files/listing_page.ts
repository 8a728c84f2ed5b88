/** The listing of a directory as HTML, and the options in its query. */

import {
  type Entry,
  type Order,
  SORT_KEYS,
  type SortKey,
} from "./directory_entries.ts";
import { fileKind, icon, isMedia, LISTING_SCRIPT } from "./listing_assets.ts";
import {
  breadcrumbs,
  pageHead,
  type PageParts,
  type PagePlace,
} from "./page_frame.ts";
import { ARCHIVE_FORMATS, type ArchiveRequest } from "./send_archive.ts";
import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";

/** Entries of one page, for programs that ask for pages. */
export const PAGE_SIZE = 1000;

/** The media types of a listing. */
export type ListingType = "text/html" | "application/json" | "text/plain";

/** How a page shows its entries: as a table, one to select from, or pictures. */
export type ListingView = "list" | "select" | "gallery";

/** The options in a query. */
interface ListingQuery extends Order {
  readonly view: ListingView;
  /** Names to search for; "" for none. */
  readonly search: string;
  /** From 1; null for all. */
  readonly page: number | null;
  /** The archive that is asked for; null for the page. */
  readonly archive: ArchiveRequest | null;
}

/** Sorting by time or size usually shows the newest or largest first. */
function isUsuallyDescending(sort: SortKey): boolean {
  return sort !== "name";
}

/**
 * Reads `sort` (`name`, `size`, `time`; by default `usual`), `order` (`asc`,
 * `desc`), `page`, `view` (`select`, `gallery`), `q`, `archive` (`zip`, `tar`, `tar.gz`; `zip=1` means the first)
 * and, for each entry in an archive, `name`. Anything else, and invalid values,
 * are ignored.
 */
export function readListingQuery(query: string, usual: SortKey): ListingQuery {
  // Programs such as curl send what they are given; a unit is a byte of it.
  const given = new URLSearchParams(
    query.replace(
      /[\x80-\xff]/g,
      (byte) => `%${byte.charCodeAt(0).toString(16)}`,
    ),
  );
  const sort = SORT_KEYS.find((key) => key === given.get("sort")) ?? usual;
  const order = given.get("order");
  const page = given.get("page") ?? "";
  const format = given.get("zip") === "1"
    ? "zip"
    : ARCHIVE_FORMATS.find((name) => name === given.get("archive"));
  const view = given.get("view");
  return {
    sort,
    view: view === "select" || view === "gallery" ? view : "list",
    search: given.get("q")?.trim() ?? "",
    descending: order === "desc" ||
      order !== "asc" && isUsuallyDescending(sort),
    page: /^[1-9]\d{0,8}$/.test(page) ? Number(page) : null,
    archive: format === undefined
      ? null
      : { format, selected: given.getAll("name") },
  };
}

/** How directories are listed. */
export interface ListingOptions {
  readonly showHidden: boolean;
  /** The name of the root; null for its path. */
  readonly title: string | null;
  /** The order of entries unless the request names one. */
  readonly sort: SortKey;
  /** Offer archives. */
  readonly zip: boolean;
  /** Offer to search below a directory. */
  readonly search: boolean;
  /** Show README files below the entries. */
  readonly readme: boolean;
  /** Show Markdown as it is meant. */
  readonly markdown: boolean;
  /** Compress listings. */
  readonly compress: boolean;
}

/** The content of a page. */
export interface Listing extends PagePlace {
  /** All entries, sorted. */
  readonly entries: readonly Entry[];
  /** The number of further entries, which cannot be read. */
  readonly unreadable: number;
  readonly order: Order;
  readonly view: ListingView;
  /** Offer archives. */
  readonly zip: boolean;
  /** Offer to search. */
  readonly search: boolean;
  /** The HTML below the entries. */
  readonly below: string;
  /** Forms that change the directory; null where it cannot be changed. */
  readonly changes: PageParts | null;
}

/** Rows in one `tbody`: browsers lay out only those in view. */
const ROWS = 100;

/**
 * The page in chunks, with all entries: programs that read it do not expect
 * further pages, and `rclone sync` deletes files that are not listed. Links are
 * relative, so that the app can be mounted anywhere. Sorting and the archive are
 * buttons in forms, which programs do not follow.
 */
export function* listingPage(listing: Listing): Generator<string> {
  const { entries, view } = listing;
  const changes = view === "list" ? listing.changes : null;
  const isEmpty = entries.length === 0;
  const totals = yield* totalsOf(entries);
  yield `${listingHead(listing, changes?.style)}<main>
<div class="tools">
<p>${summary(listing, totals)} <span role="status"></span></p>
${isEmpty ? "" : tools(listing, totals)}</div>
${changes?.html ?? ""}${tableHead(listing, view)}${
    listing.parts.length > 0 ? PARENT : ""
  }`;
  const toRow = view === "select" ? selectableRow : row;
  for (let i = 0; i < entries.length; i += ROWS) {
    const rows = entries.slice(i, i + ROWS).map(toRow).join("");
    yield i === 0 ? rows : `</tbody>\n<tbody class="more">\n${rows}`;
  }
  yield `</tbody>
</table>
${isEmpty ? EMPTY : ""}</div>
${listing.below}</main>
<script>${LISTING_SCRIPT}</script>
${
    changes === null
      ? ""
      : `<script type="module">${changes.script}</script>\n`
  }</body>
</html>
`;
}

/** The beginning of a page about a directory. */
export function listingHead(place: PagePlace, style?: string): string {
  const { rootPath, parts, title } = place;
  const path = `${rootPath}/${parts.map((part) => `${part}/`).join("")}`;
  const name = title === null ? `Index of ${path}` : `${title} ${path}`;
  const heading = parts.at(-1) ?? title ?? `Index of ${path}`;
  return pageHead(name, heading, breadcrumbs(place), style);
}

function tableHead({ order }: { order: Order }, view: ListingView): string {
  return `<div class="card">
<table aria-labelledby="heading">
<thead>
<tr>${head("name", "Name", order, view)}${head("size", "Size", order, view)}${
    head("time", MODIFIED, order, view)
  }</tr>
</thead>
<tbody>
`;
}

/** What can be done with a directory: to search, to look, to download. */
function tools(
  { view, zip, search }: Listing,
  { hasMedia }: Totals,
): string {
  if (view === "select") return SELECTION;
  return `${search ? searchForm("") : FILTER}${hasMedia ? GALLERY : ""}${
    zip ? DOWNLOAD : ""
  }`;
}

/** The box that filters the rows and, with its button, searches below. */
function searchForm(query: string): string {
  const filter = query === "" ? " data-filter" : "";
  return `<form class="search" role="search"><input type="search" name="q" ` +
    `value="${escapeHtml(query)}" placeholder="Filter or search below" ` +
    `aria-label="Filter by name, or search below" aria-keyshortcuts="/" ` +
    `autocomplete="off" spellcheck="false" required${filter}>` +
    `<button class="button">Search</button></form>\n`;
}

/** Why a search ended before it had looked at all names. */
export type SearchLimit = "results" | "time";

/** The beginning of the results of a search for `query` below a directory. */
export function resultsHead(place: PagePlace & { query: string }): string {
  return `${listingHead(place)}<main>
<div class="tools">
<p>Names with “${escapeHtml(place.query)}”, here and below</p>
${searchForm(place.query)}</div>
<div class="card">
<table aria-labelledby="heading">
<thead>
<tr><th scope="col">Name</th><th scope="col" class="size">Size</th>` +
    `<th scope="col" class="time">${MODIFIED}</th></tr>
</thead>
<tbody>
<tr class="up"><th scope="row"><a href="./">${
      icon("up")
    }Back to the folder</a></th><td class="size"></td><td class="time"></td></tr>
`;
}

/** The end of it, after a {@linkcode row} for each result. */
export function resultsEnd(found: number, limit: SearchLimit | null): string {
  const text = limit === "results"
    ? `These are the first ${found}; add a word to see others.`
    : limit === "time"
    ? `${count(found, "result")} so far: the search took too long and ended.`
    : found === 0
    ? "Nothing has such a name."
    : `${count(found, "result")}.`;
  return `</tbody>
</table>
<p class="none" role="status">${text}</p>
</div>
</main>
<script>${LISTING_SCRIPT}</script>
</body>
</html>
`;
}

/** A name on each line, with `?` for control characters, as `ls` shows them. */
export function textLines(entries: readonly Entry[]): string {
  return entries.map(({ name, is_dir }) =>
    `${name.replace(/\p{Cc}/gu, "?")}${is_dir ? "/" : ""}\n`
  ).join("");
}

const MODIFIED = `Modified<span class="utc"> (UTC)</span>`;
const EMPTY = `<p class="none">This folder is empty.</p>\n`;
const FILTER =
  `<label hidden><input type="search" placeholder="Filter by name" ` +
  `aria-label="Filter by name" aria-keyshortcuts="/" autocomplete="off" ` +
  `spellcheck="false"></label>\n`;
const GALLERY =
  `<form><button class="button" name="view" value="gallery">Gallery</button></form>\n`;
const DOWNLOAD =
  `<form><button class="button" name="zip" value="1">Download as ZIP</button></form>\n` +
  `<details class="menu"><summary class="button" aria-label="More downloads">` +
  `More</summary><form>` +
  `<button class="button" name="archive" value="tar">Download as tar</button>` +
  `<button class="button" name="archive" value="tar.gz">Download as tar.gz</button>` +
  `<button class="button" name="view" value="select">Select entries</button>` +
  `</form></details>\n`;
/** The form that the check boxes of the rows belong to. */
const SELECTION = `<form id="selection">` +
  `<button class="button" name="archive" value="zip">Download selected as ZIP</button>` +
  `<button class="button" name="archive" value="tar">tar</button>` +
  `<button class="button" name="archive" value="tar.gz">tar.gz</button>` +
  `</form>\n<form><button class="button">Back to the folder</button></form>\n`;
const PARENT = `<tr class="up"><th scope="row"><a href="../">${
  icon("up")
}Parent folder</a></th><td class="size"></td><td class="time"></td></tr>\n`;

function head(
  sort: SortKey,
  label: string,
  order: Order,
  view: ListingView,
): string {
  const keep = view === "list"
    ? ""
    : `<input type="hidden" name="view" value="${view}">`;
  const state = sort !== order.sort
    ? ""
    : ` aria-sort="${order.descending ? "descending" : "ascending"}"`;
  const descends = sort === order.sort
    ? !order.descending
    : isUsuallyDescending(sort);
  const next = descends ? "desc" : "asc";
  return `<th scope="col" class="${sort}"${state}><form>` +
    `<input type="hidden" name="sort" value="${sort}">${keep}` +
    `<button name="order" value="${next}">${label}</button></form></th>`;
}

/** The row of an entry, whose name may be a path below the directory. */
export function row(entry: Entry): string {
  return `<tr>${cells(entry, "")}</tr>\n`;
}

function selectableRow(entry: Entry): string {
  const { name } = entry;
  // A form can only send names that are UTF-8.
  const box = name.isWellFormed()
    ? `<input type="checkbox" form="selection" name="name" value="${
      escapeHtml(name)
    }" aria-label="Select ${escapeHtml(name)}">`
    : "";
  return `<tr class="selectable">${cells(entry, box)}</tr>\n`;
}

function cells({ name, is_dir, size, mtime }: Entry, box: string): string {
  const slash = is_dir ? "/" : "";
  // Without "./", a name such as "javascript:…" would be an absolute URL.
  const href = `./${name.split("/").map(encodeSegment).join("/")}${slash}`;
  const date = new Date(mtime * 1000).toISOString();
  const sizeCell = is_dir
    ? `<td class="size no">–</td>`
    : `<td class="size" title="${count(size, "byte")}">${
      formatSize(size)
    }</td>`;
  return `<th scope="row">${box}<a href="${href}">${
    icon(is_dir ? "folder" : fileKind(name))
  }${escapeHtml(name)}${slash}</a></th>${sizeCell}<td class="time">` +
    `<time datetime="${date}">` +
    `${date.slice(0, 16).replace("T", " ")}</time></td>`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A number of bytes in the largest fitting unit, such as `1.5 KiB`. */
function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** What is counted of all entries. */
interface Totals {
  files: number;
  /** Bytes of all files. */
  size: number;
  hasMedia: boolean;
}

/** Counts, with empty chunks in between, at which the thread can be left. */
function* totalsOf(entries: readonly Entry[]): Generator<string, Totals> {
  const totals = { files: 0, size: 0, hasMedia: false };
  for (let i = 0; i < entries.length; i++) {
    if (i % ROWS === ROWS - 1) yield "";
    const { name, is_dir, size } = entries[i];
    if (is_dir) continue;
    totals.files++;
    totals.size += size;
    totals.hasMedia ||= isMedia(name);
  }
  return totals;
}

function summary(
  { entries, unreadable }: Listing,
  { files, size }: Totals,
): string {
  return `${count(entries.length - files, "folder")}, ` + count(files, "file") +
    (files > 0 ? `, ${formatSize(size)}` : "") +
    (unreadable > 0 ? `, ${unreadable} more cannot be read` : "");
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
