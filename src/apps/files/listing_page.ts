/**
 * The listing of a folder as HTML.
 *
 * @module
 */

import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";
import { fileKind, icon, ICONS } from "./file_icons.ts";
import { listingQuery, orderAfterClick } from "./listing_query.ts";
import { LISTING_SCRIPT } from "./listing_script.ts";
import { LISTING_STYLE } from "./listing_style.ts";
import type { Entry } from "./read_entries.ts";
import type { Order, SortKey } from "./sort_entries.ts";

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
  readonly order: Order;
  /** From 1; one beyond the last one is the last one. */
  readonly page: number;
  /** Offer the folder as an archive. */
  readonly zip: boolean;
  /** What stands below, as it is. */
  readonly readme: { readonly name: string; readonly text: string } | null;
}

/** How many entries a page has at most. */
export const PAGE_SIZE = 1000;

/** The page. All links are relative, so that it can be mounted anywhere. */
export function listingPage(listing: Listing): string {
  const { rootPath, parts, title, entries, order, zip, readme } = listing;
  const path = `${rootPath}/${parts.map((part) => `${part}/`).join("")}`;
  const pages = Math.max(1, Math.ceil(entries.length / PAGE_SIZE));
  const page = Math.min(listing.page, pages);
  const shown = entries.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
  const name = title === null ? `Index of ${path}` : `${title} ${path}`;
  const heading = parts.at(-1) ?? title ?? `Index of ${path}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
${pageLinks(order, page, pages, "link")}<style>${LISTING_STYLE}</style>
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
<p>${summary(entries)} <span role="status"></span></p>
${shown.length > 0 ? FILTER : ""}${
    zip && shown.length > 0 ? DOWNLOAD : ""
  }</div>
<div class="card">
<table aria-labelledby="heading">
<thead>
<tr>${head("name", "Name", order)}${head("size", "Size", order)}${
    head("time", MODIFIED, order)
  }</tr>
</thead>
<tbody>
${parts.length > 0 ? PARENT : ""}${shown.map(row).join("")}</tbody>
</table>
${shown.length > 0 ? "" : EMPTY}</div>
${pageLinks(order, page, pages, "nav")}${
    readme === null ? "" : readmeBox(readme.name, readme.text)
  }</main>
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
  `<a class="button" href="?zip=1" rel="nofollow" download>Download as ZIP</a>\n`;
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
  const href = escapeHtml(listingQuery(orderAfterClick(sort, order)));
  return `<th scope="col" class="${sort}"${state}><a href="${href}">${label}</a></th>`;
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
    `<time datetime="${date}" title="${date}">` +
    `${date.slice(0, 16).replace("T", " ")}</time></td></tr>\n`;
}

/** Links to the pages before and after, for browsers (`link`) or readers. */
function pageLinks(
  order: Order,
  page: number,
  pages: number,
  tag: "link" | "nav",
): string {
  if (pages === 1) return "";
  const to = (rel: "prev" | "next", page: number, label: string) => {
    if (page < 1 || page > pages) return "";
    const href = escapeHtml(listingQuery(order, page));
    return tag === "link"
      ? `<link rel="${rel}" href="${href}">\n`
      : `<a class="button" rel="${rel}" href="${href}">${label}</a>\n`;
  };
  const previous = to("prev", page - 1, "Previous");
  const next = to("next", page + 1, "Next");
  return tag === "link"
    ? previous + next
    : `<nav class="pages" aria-label="Pages">\n${previous}` +
      `<span>Page ${page} of ${pages}</span>\n${next}</nav>\n`;
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
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

function summary(entries: readonly Entry[]): string {
  const files = entries.filter((entry) => entry.is_dir === 0);
  const size = files.reduce((sum, entry) => sum + entry.size, 0);
  return `${count(entries.length - files.length, "folder")}, ` +
    count(files.length, "file") +
    (files.length > 0 ? `, ${formatSize(size)}` : "");
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
