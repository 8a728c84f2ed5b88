/** The style, script and icons of listings. */

import { mediaTypeOf } from "../../http/content_type.ts";
import { memo } from "../../http/memo.ts";

/** CSS for the page's `style` element. */
export const LISTING_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1c2128; --soft: #5b6470;
  --line: #e3e6ea; --hover: #f1f5fb; --link: #0b57d0; --folder: #b7791f;
  --image: #0f766e; --media: #7c3aed; --archive: #b4531a; --code: #2563ab;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --text: #e4e8ed; --soft: #9aa5b1;
    --line: #2a3038; --hover: #1e242c; --link: #8ab4f8; --folder: #e0b050;
    --image: #5fc9bd; --media: #b79cf7; --archive: #ec9a68; --code: #7fb2ea;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; border-radius: .4rem; }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; white-space: pre-wrap; }
nav ol { display: flex; flex-wrap: wrap; margin: 0 0 .25rem; padding: 0; list-style: none; color: var(--soft); }
nav li { overflow-wrap: anywhere; white-space: pre-wrap; }
nav li a { display: inline-block; padding: .25rem .15rem .25rem 0; }
nav [aria-current] { color: var(--soft); }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; margin: .4rem 0 1rem; }
.tools p { margin: 0 auto 0 0; color: var(--soft); }
.tools input, .button {
  min-height: 2.5rem; padding: .4rem .8rem; font: inherit; color: inherit;
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
.tools input { width: 14rem; max-width: 100%; }
.button { display: inline-flex; align-items: center; }
.button { cursor: pointer; }
.button:hover { background: var(--hover); }
.tools form { display: flex; flex-wrap: wrap; gap: .5rem; }
.menu { position: relative; }
.menu summary { list-style: none; }
.menu summary::-webkit-details-marker { display: none; }
.menu summary::after { content: "\\25be"; margin-left: .4rem; content: "\\25be" / ""; }
.menu form { position: absolute; right: 0; z-index: 2; flex-direction: column; width: max-content; margin-top: .3rem; padding: .5rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.selectable th { display: flex; align-items: center; padding-left: 1rem; }
.selectable th a { flex: 1; }
.selectable input { width: 1.2rem; height: 1.2rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
.gallery li { display: flex; flex-direction: column; overflow: clip; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; content-visibility: auto; contain-intrinsic-block-size: auto 14rem; }
.gallery img, .gallery video { display: block; width: 100%; height: 11rem; object-fit: contain; background: var(--hover); }
.gallery audio { display: block; width: 100%; margin: 3.8rem 0; }
.gallery .icon { width: 3rem; height: 11rem; margin: 0 auto; }
.gallery a { display: block; padding: .5rem .75rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: clip; }
table, thead, tbody { display: block; }
tbody.more { content-visibility: auto; contain-intrinsic-block-size: auto 260rem; }
tr { position: relative; display: grid; grid-template-columns: minmax(0, 1fr) 7.5rem 11.5rem; align-items: center; }
th, td { padding: 0 1rem; text-align: left; font-weight: 400; }
thead { position: sticky; top: 0; z-index: 1; background: var(--card); box-shadow: 0 1px var(--line); }
thead th { padding: 0; }
thead button {
  display: block; width: 100%; padding: .65rem 1rem; border: 0; background: none; color: var(--soft);
  font: inherit; font-size: .9rem; text-align: inherit; white-space: nowrap; cursor: pointer;
}
thead button:hover { text-decoration: underline; }
th[aria-sort] button { color: var(--text); font-weight: 600; }
th[aria-sort=ascending] button::after { content: " \\2191"; content: " \\2191" / ""; }
th[aria-sort=descending] button::after { content: " \\2193"; content: " \\2193" / ""; }
tbody tr { border-top: 1px solid var(--line); }
tbody tr:hover { background: var(--hover); }
tbody th { padding: 0; }
tbody th a {
  display: flex; align-items: flex-start; gap: .7rem; min-height: 2.6rem;
  padding: .55rem 1rem; overflow-wrap: anywhere; white-space: pre-wrap;
}
.icon {
  flex: none; width: 1.35rem; height: 1.5rem; color: var(--soft); fill: none;
  stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round;
}
.icon.folder { color: var(--folder); }
.icon.image { color: var(--image); }
.icon.audio, .icon.video { color: var(--media); }
.icon.archive { color: var(--archive); }
.icon.code { color: var(--code); }
.size, .time { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td { color: var(--soft); font-size: .925rem; }
.none { margin: 0; padding: 2rem 1rem; color: var(--soft); text-align: center; }
.readme { margin-top: 1.5rem; padding: 1rem 1.25rem 1.25rem; }
.readme h2 { margin: 0 0 .75rem; padding-bottom: .6rem; font-size: 1rem; border-bottom: 1px solid var(--line); }
.readme img { max-width: 100%; }
.readme table, .readme thead, .readme tbody { display: revert; }
.readme table { display: block; overflow-x: auto; border-collapse: collapse; }
.readme thead { position: static; box-shadow: none; }
.readme tr { display: table-row; border: 0; }
.readme :is(th, td) { padding: .35rem .75rem; border: 1px solid var(--line); color: inherit; font-size: inherit; }
.readme th { font-weight: 600; }
.readme blockquote { margin: 1rem 0; padding-left: 1rem; border-left: .25rem solid var(--line); color: var(--soft); }
.readme code { padding: .1rem .3rem; background: var(--hover); border-radius: .3rem; font: .9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.readme pre > code { padding: 0; background: none; font-size: 1em; }
article.readme { margin-top: 0; overflow-wrap: anywhere; }
.readme pre { margin: 0; font: .9rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; }
  h1 { font-size: 1.35rem; }
  .tools label, .tools input { width: 100%; }
  .tools p { margin: 0; width: 100%; }
  .tools input, .button { min-height: 2.9rem; }
  .button { flex: 1; justify-content: center; }
  nav li a { padding: .5rem .15rem .5rem 0; }
  .tools form, .menu { flex: 1 0 auto; max-width: 100%; }
  .tools .search { flex-wrap: nowrap; width: 100%; }
  .tools .search .button { flex: none; }
  .tools .menu summary { width: 100%; }
  .selectable input { position: relative; z-index: 1; width: 1.5rem; height: 1.5rem; margin-right: .5rem; }
  .selectable th { padding-left: .9rem; }
  thead tr { display: flex; }
  thead th:first-child { margin-right: auto; }
  thead button { padding: .85rem .9rem; }
  tbody tr { display: flex; flex-wrap: wrap; justify-content: space-between; padding-bottom: .6rem; }
  tbody tr.up { padding-bottom: 0; }
  tbody th { width: 100%; }
  tbody th a { min-height: 0; padding: .7rem .9rem .1rem; }
  tbody th a::after { content: ""; position: absolute; inset: 0; }
  tbody .up th a { padding-bottom: .7rem; }
  td { padding: 0 .9rem; font-size: .85rem; }
  td.size { order: 2; }
  td.time { padding-left: 2.95rem; }
  td:empty, td.no { display: none; }
  .readme { padding: .9rem; }
}
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --soft: #333; --line: #bbb; --link: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .tools label, .tools input, .button, .up { display: none; }
  tbody.more { content-visibility: visible; }
  .card { border: 0; }
  thead { position: static; }
  tbody th a { min-height: 0; padding: .2rem 1rem; }
  tr { break-inside: avoid; }
}
`;

/** JavaScript for the page's `script` element. */
export const LISTING_SCRIPT = `
const box = document.querySelector("input[data-filter]");
const shown = document.querySelector("[role=status]");
const parts = [...document.querySelectorAll("tbody")];
if (box) {
  box.parentNode.hidden = false;
  const folded = (text) => text.toLowerCase().normalize("NFD").replace(/\\p{M}+/gu, "");
  let groups;
  const filter = () => {
    const words = folded(box.value).split(/\\s+/);
    groups ??= parts.map((part) => ({ part, rows: [...part.querySelectorAll("tr:not(.up)")]
      .map((row) => ({ row, name: folded(row.cells[0].textContent) })) }));
    let all = 0;
    let count = 0;
    for (const { part, rows } of groups) {
      const before = count;
      for (const { row, name } of rows) {
        const hidden = !words.every((word) => name.includes(word));
        if (row.hidden !== hidden) row.hidden = hidden;
        if (!hidden) count++;
      }
      all += rows.length;
      part.hidden = part !== parts[0] && count === before;
    }
    shown.textContent = box.value.trim() === ""
      ? ""
      : count + " of " + all + " shown";
  };
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { box.value = ""; filter(); }
    if (event.key !== "Enter") return;
    const first = document.querySelector("tbody:not([hidden]) tr:not(.up, [hidden]) a");
    if (box.value.trim() === "" || !first) return;
    event.preventDefault();
    first.click();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === box) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });
  // A browser that comes back to the page fills the box in again.
  addEventListener("pageshow", () => { if (box.value !== "") filter(); });
}
const two = (number) => String(number).padStart(2, "0");
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const local = (part) => {
  for (const time of part.querySelectorAll("time:not([title])")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = long.format(at);
    time.textContent = at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" +
      two(at.getDate()) + " " + two(at.getHours()) + ":" + two(at.getMinutes());
  }
};
// What is far away waits until it comes near.
const near = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    local(target);
  }
}, { rootMargin: "50%" });
for (const part of parts) near.observe(part);
if (parts.length > 0) local(parts[0]);
addEventListener("beforeprint", () => parts.forEach(local));
for (const zone of document.querySelectorAll(".utc")) zone.remove();
`;

/** The icon of each kind, in a square of 24 units. */
const DRAWINGS = {
  folder:
    '<path d="M3 7.5a2 2 0 0 1 2-2h4l2.2 2.5H19a2 2 0 0 1 2 2v7.5a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z" fill="currentColor" fill-opacity=".22"/>',
  up: '<path d="M5 19h9a4.5 4.5 0 0 0 4.5-4.5V6M14 10l4.5-4.5L23 10"/>',
  file: '<path d="M6 3h8l4 4v14H6zM14 3v4h4"/>',
  text: '<path d="M6 3h8l4 4v14H6zM14 3v4h4M9 11.5h6M9 14.5h6M9 17.5h4"/>',
  code:
    '<path d="M6 3h8l4 4v14H6zM14 3v4h4M10.5 11.5 8.5 14l2 2.5M13.5 11.5l2 2.5-2 2.5"/>',
  image:
    '<path d="M4 5h16v14H4zM4 16.5l4.5-4.5 4 4 3-3 4.5 4.5"/><circle cx="15.5" cy="9" r="1.5"/>',
  audio:
    '<path d="M9 17.5V6l10-2v11.5"/><circle cx="6.5" cy="17.5" r="2.5"/><circle cx="16.5" cy="15.5" r="2.5"/>',
  video: '<path d="M3 6h18v12H3zM10 9.5v5l4.5-2.5z"/>',
  archive: '<path d="M6 3h12v18H6zM12 3v2M12 7v2M12 11v2M10.5 15.5h3v3h-3z"/>',
} as const;

/** A kind of entry. */
type FileKind = keyof typeof DRAWINGS;

const CODE =
  /\.(?:[cm]?[jt]sx?|json[c5l]?|html?|s?css|less|xml|ya?ml|toml|ini|sh|bash|zsh|fish|ps1|bat|py|rb|pl|pm|php|lua|r|jl|c|h|cc|cpp|hpp|cs|java|kt|swift|go|rs|zig|hs|ml|ex|exs|erl|clj|scala|sql|wasm|ipynb|vue|svelte)$/i;
const ARCHIVE =
  /\.(?:zip|gz|tgz|bz2|xz|zst|br|7z|rar|tar|jar|deb|rpm|apk|iso|dmg|img)$/i;
const TEXT =
  /\.(?:pdf|md|rst|docx?|odt|rtf|xlsx?|ods|pptx?|odp|epub|tex|log|csv|tsv)$/i;

/** The kind of the file called `name`. */
export function fileKind(name: string): FileKind {
  const dot = name.lastIndexOf(".");
  // Only what follows the last dot decides.
  return kindOf(dot > 0 ? `x${name.slice(dot)}` : name);
}

const kindOf = memo((name): FileKind => {
  if (CODE.test(name)) return "code";
  if (ARCHIVE.test(name)) return "archive";
  if (TEXT.test(name)) return "text";
  const [family] = mediaTypeOf(name, "").split("/", 1);
  switch (family) {
    case "image":
    case "audio":
    case "video":
    case "text":
      return family;
    default:
      return "file";
  }
});

/** Extensions of pictures that browsers show, and of sounds and films. */
const MEDIA = new Set(
  ("jpg jpeg png gif webp avif svg bmp ico mp3 m4a aac oga ogg opus flac wav " +
    "weba mp4 m4v mov webm ogv").split(" "),
);

/** Whether a gallery shows the file called `name`. */
export function isMedia(name: string): boolean {
  const dot = name.lastIndexOf(".");
  return dot >= 0 && MEDIA.has(name.slice(dot + 1).toLowerCase());
}

/** All icons; a page that uses {@linkcode icon} contains them once. */
export const ICONS: string = `<svg hidden>${
  Object.entries(DRAWINGS).map(([kind, drawing]) =>
    `<symbol id="${kind}" viewBox="0 0 24 24">${drawing}</symbol>`
  ).join("")
}</svg>`;

/** The icon of a kind, which screen readers skip. */
export function icon(kind: FileKind): string {
  return `<svg class="icon ${kind}" aria-hidden="true"><use href="#${kind}"/></svg>`;
}
