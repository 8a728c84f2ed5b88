/**
 * The listing of a folder as HTML, and what its address asks for.
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
import {
  fileKind,
  icon,
  ICONS,
  LISTING_SCRIPT,
  LISTING_STYLE,
} from "./listing_assets.ts";
import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";

/** How many entries a page has at most, for programs that ask for pages. */
export const PAGE_SIZE = 1000;

/** What is asked for. */
interface ListingQuery extends Order {
  /** From 1; null when no page is named. */
  readonly page: number | null;
  /** The folder as an archive. */
  readonly zip: boolean;
}

/** Newest and largest first is what people sort by time and size for. */
function isUsuallyDescending(sort: SortKey): boolean {
  return sort !== "name";
}

/**
 * Reads `sort` (`name`, `size`, `time`; else `usual`), `order` (`asc`, `desc`),
 * `page` and `zip`. What is none of these, or makes no sense, changes nothing.
 */
export function readListingQuery(query: string, usual: SortKey): ListingQuery {
  const given = new URLSearchParams(query);
  const sort = SORT_KEYS.find((key) => key === given.get("sort")) ?? usual;
  const order = given.get("order");
  const page = given.get("page") ?? "";
  return {
    sort,
    descending: order === "desc" ||
      order !== "asc" && isUsuallyDescending(sort),
    page: /^[1-9]\d{0,8}$/.test(page) ? Number(page) : null,
    zip: given.get("zip") === "1",
  };
}

/** The order that a click on the head of a column asks for. */
function orderAfterClick(sort: SortKey, current: Order): Order {
  return {
    sort,
    descending: sort === current.sort
      ? !current.descending
      : isUsuallyDescending(sort),
  };
}

/** What a page shows. */
export interface Listing {
  /** Where the app is mounted. */
  readonly rootPath: string;
  /** The folder's path beneath the root. */
  readonly parts: readonly string[];
  /** What the root is called; null if it is called by its path. */
  readonly title: string | null;
  /** All entries of the folder, sorted. */
  readonly entries: readonly Entry[];
  /** How many more there are that cannot be looked at. */
  readonly unreadable: number;
  readonly order: Order;
  /** Offer the folder as an archive. */
  readonly zip: boolean;
  /** What stands below, as it is. */
  readonly readme: Readme | null;
}

/** Rows in one part of the table: a browser lays out only those in view. */
const ROWS = 100;

/**
 * The page in chunks, with all entries: programs that read it know nothing of
 * pages, and `rclone sync` deletes what it does not see. All links are
 * relative, so that it can be mounted anywhere. What only people want (orders,
 * the archive) are buttons of forms, which no program follows.
 */
export function* listingPage(listing: Listing): Generator<string> {
  const { rootPath, parts, title, entries, order, readme } = listing;
  const path = `${rootPath}/${parts.map((part) => `${part}/`).join("")}`;
  const name = title === null ? `Index of ${path}` : `${title} ${path}`;
  const heading = parts.at(-1) ?? title ?? `Index of ${path}`;
  const isEmpty = entries.length === 0;
  yield `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<style>${LISTING_STYLE}</style>
</head>
<body>
${ICONS}
<header>
${breadcrumbs(title ?? `${rootPath}/`, parts)}<h1 id="heading">${
    escapeHtml(heading)
  }</h1>
</header>
<main>
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

/** The path above the folder, with a link to each folder on the way. */
function breadcrumbs(top: string, parts: readonly string[]): string {
  if (parts.length === 0) return "";
  const items = [top, ...parts].map((name, i) => {
    const up = parts.length - i;
    const slash = i === 0 && name.endsWith("/") ? "" : "/";
    const text = escapeHtml(name + slash);
    return up === 0
      ? `<li><a href="./" aria-current="page">${text}</a></li>`
      : `<li><a href="${"../".repeat(up)}">${text}</a></li>`;
  });
  return `<nav aria-label="Path"><ol>${items.join("")}</ol></nav>\n`;
}

function head(sort: SortKey, label: string, order: Order): string {
  const state = sort !== order.sort
    ? ""
    : ` aria-sort="${order.descending ? "descending" : "ascending"}"`;
  const next = orderAfterClick(sort, order).descending ? "desc" : "asc";
  return `<th scope="col" class="${sort}"${state}><form>` +
    `<input type="hidden" name="sort" value="${sort}">` +
    `<button name="order" value="${next}">${label}</button></form></th>`;
}

function row({ name, is_dir, size, mtime }: Entry): string {
  const slash = is_dir ? "/" : "";
  // "./" keeps a name such as "javascript:…" from being an address of its own.
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
