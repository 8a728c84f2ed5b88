/**
 * The listing of a directory as HTML, and the options in its query.
 *
 * @module
 */

import {
  type Entry,
  type Order,
  type Readme,
  SORT_KEYS,
  type SortKey,
} from "./directory_entries.ts";
import { fileKind, icon, LISTING_SCRIPT } from "./listing_assets.ts";
import { breadcrumbs, pageHead, type PagePlace } from "./page_frame.ts";
import { ARCHIVE_FORMATS, type ArchiveRequest } from "./send_archive.ts";
import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";

/** Entries of one page, for programs that ask for pages. */
export const PAGE_SIZE = 1000;

/** The options in a query. */
interface ListingQuery extends Order {
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
 * `desc`), `page`, `archive` (`zip`, `tar`, `tar.gz`; `zip=1` means the first)
 * and, for each entry in an archive, `name`. Anything else, and invalid values,
 * are ignored.
 */
export function readListingQuery(query: string, usual: SortKey): ListingQuery {
  const given = new URLSearchParams(query);
  const sort = SORT_KEYS.find((key) => key === given.get("sort")) ?? usual;
  const order = given.get("order");
  const page = given.get("page") ?? "";
  const format = given.get("zip") === "1"
    ? "zip"
    : ARCHIVE_FORMATS.find((name) => name === given.get("archive"));
  return {
    sort,
    descending: order === "desc" ||
      order !== "asc" && isUsuallyDescending(sort),
    page: /^[1-9]\d{0,8}$/.test(page) ? Number(page) : null,
    archive: format === undefined
      ? null
      : { format, selected: given.getAll("name") },
  };
}

/** The content of a page. */
export interface Listing extends PagePlace {
  /** All entries, sorted. */
  readonly entries: readonly Entry[];
  /** The number of further entries, which cannot be read. */
  readonly unreadable: number;
  readonly order: Order;
  /** Offer an archive. */
  readonly zip: boolean;
  /** The text below the entries. */
  readonly readme: Readme | null;
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
  const { rootPath, parts, title, entries, order, readme } = listing;
  const path = `${rootPath}/${parts.map((part) => `${part}/`).join("")}`;
  const name = title === null ? `Index of ${path}` : `${title} ${path}`;
  const heading = parts.at(-1) ?? title ?? `Index of ${path}`;
  const isEmpty = entries.length === 0;
  yield `${pageHead(name, heading, breadcrumbs(listing))}<main>
<div class="tools">
<p>${summary(listing)} <span role="status"></span></p>
${isEmpty ? "" : FILTER}${!isEmpty && listing.zip ? DOWNLOAD : ""}</div>
<div class="card">
<table aria-labelledby="heading">
<thead>
<tr>${head("name", "Name", order)}${head("size", "Size", order)}${
    head("time", MODIFIED, order)
  }</tr>
</thead>
<tbody>
${parts.length > 0 ? PARENT : ""}`;
  for (let i = 0; i < entries.length; i += ROWS) {
    const rows = entries.slice(i, i + ROWS).map(row).join("");
    yield i === 0 ? rows : `</tbody>\n<tbody class="more">\n${rows}`;
  }
  yield `</tbody>
</table>
${isEmpty ? EMPTY : ""}</div>
${readme === null ? "" : readmeBox(readme.name, readme.text)}</main>
<script>${LISTING_SCRIPT}</script>
</body>
</html>
`;
}

const MODIFIED = `Modified<span class="utc"> (UTC)</span>`;
const EMPTY = `<p class="none">This folder is empty.</p>\n`;
const FILTER =
  `<label hidden><input type="search" placeholder="Filter by name" ` +
  `aria-label="Filter by name" aria-keyshortcuts="/" autocomplete="off" ` +
  `spellcheck="false"></label>\n`;
const DOWNLOAD =
  `<form><button class="button" name="zip" value="1">Download as ZIP</button></form>\n`;
const PARENT = `<tr class="up"><th scope="row"><a href="../">${
  icon("up")
}Parent folder</a></th><td class="size"></td><td class="time"></td></tr>\n`;

function head(sort: SortKey, label: string, order: Order): string {
  const state = sort !== order.sort
    ? ""
    : ` aria-sort="${order.descending ? "descending" : "ascending"}"`;
  const descends = sort === order.sort
    ? !order.descending
    : isUsuallyDescending(sort);
  const next = descends ? "desc" : "asc";
  return `<th scope="col" class="${sort}"${state}><form>` +
    `<input type="hidden" name="sort" value="${sort}">` +
    `<button name="order" value="${next}">${label}</button></form></th>`;
}

function row({ name, is_dir, size, mtime }: Entry): string {
  const slash = is_dir ? "/" : "";
  // Without "./", a name such as "javascript:…" would be an absolute URL.
  const href = `./${encodeSegment(name)}${slash}`;
  const date = new Date(mtime * 1000).toISOString();
  const sizeCell = is_dir
    ? `<td class="size no">–</td>`
    : `<td class="size" title="${count(size, "byte")}">${
      formatSize(size)
    }</td>`;
  return `<tr><th scope="row"><a href="${href}">${
    icon(is_dir ? "folder" : fileKind(name))
  }${escapeHtml(name)}${slash}</a></th>${sizeCell}<td class="time">` +
    `<time datetime="${date}">` +
    `${date.slice(0, 16).replace("T", " ")}</time></td></tr>\n`;
}

function readmeBox(name: string, text: string): string {
  return `<section class="card readme" aria-labelledby="readme">
<h2 id="readme">${escapeHtml(name)}</h2>
<pre>${escapeHtml(text)}</pre>
</section>
`;
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

function summary({ entries, unreadable }: Listing): string {
  let files = 0;
  let size = 0;
  for (const entry of entries) {
    if (entry.is_dir) continue;
    files++;
    size += entry.size;
  }
  return `${count(entries.length - files, "folder")}, ` + count(files, "file") +
    (files > 0 ? `, ${formatSize(size)}` : "") +
    (unreadable > 0 ? `, ${unreadable} more cannot be read` : "");
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
