/**
 * The listing of a folder as HTML.
 *
 * @module
 */

import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";
import { LISTING_STYLE } from "./listing_style.ts";
import type { Entry } from "./read_entries.ts";

/**
 * The page that lists `entries` of the folder of `parts` beneath the app's
 * `rootPath`. All links are relative, so that it can be mounted anywhere.
 */
export function listingPage(
  rootPath: string,
  parts: readonly string[],
  entries: readonly Entry[],
): string {
  const path = escapeHtml(
    `${rootPath}/${parts.map((part) => `${part}/`).join("")}`,
  );
  const folders = entries.filter((entry) => entry.is_dir === 1).length;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Index of ${path}</title>
<style>${LISTING_STYLE}</style>
</head>
<body>
<header>
<h1>Index of ${breadcrumbs(rootPath, parts)}</h1>
</header>
<main>
<table>
<thead>
<tr><th scope="col">Name</th><th scope="col" class="size">Size</th>` +
    `<th scope="col" class="time">Modified (UTC)</th></tr>
</thead>
<tbody>
${parts.length > 0 ? PARENT : ""}${entries.map(row).join("")}</tbody>
</table>
</main>
<footer>${count(folders, "folder")}, ` +
    `${count(entries.length - folders, "file")}</footer>
</body>
</html>
`;
}

const PARENT =
  `<tr><td><a href="../">../</a></td><td class="size"></td><td class="time"></td></tr>\n`;

/** The path with a link to each folder on the way. */
function breadcrumbs(rootPath: string, parts: readonly string[]): string {
  return [`${rootPath}/`, ...parts.map((part) => `${part}/`)].map((name, i) => {
    const up = parts.length - i;
    const shown = escapeHtml(name);
    return up === 0
      ? `<span aria-current="page">${shown}</span>`
      : `<a href="${"../".repeat(up)}">${shown}</a>`;
  }).join("");
}

function row({ name, is_dir, size, mtime }: Entry): string {
  const slash = is_dir ? "/" : "";
  // "./" keeps a name such as "javascript:…" from being an address of its own.
  const href = `./${encodeSegment(name)}${slash}`;
  const date = new Date(mtime * 1000).toISOString();
  const sizeCell = is_dir
    ? `<td class="size"></td>`
    : `<td class="size" title="${count(size, "byte")}">${
      formatSize(size)
    }</td>`;
  return `<tr><td><a href="${href}">${escapeHtml(name)}${slash}</a></td>` +
    `${sizeCell}<td class="time"><time datetime="${date}">` +
    `${date.slice(0, 16).replace("T", " ")}</time></td></tr>\n`;
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

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
