/**
 * Pictures that tell kinds of files apart.
 *
 * @module
 */

import { mediaTypeOf } from "../../http/content_type.ts";

/** What is drawn for each kind, in a square of 24 units. */
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

/** A kind of entries. */
export type FileKind = keyof typeof DRAWINGS;

const CODE =
  /\.(?:[cm]?[jt]sx?|json[c5l]?|html?|s?css|less|xml|ya?ml|toml|ini|sh|bash|zsh|fish|ps1|bat|py|rb|pl|pm|php|lua|r|jl|c|h|cc|cpp|hpp|cs|java|kt|swift|go|rs|zig|hs|ml|ex|exs|erl|clj|scala|sql|wasm|ipynb|vue|svelte)$/i;
const ARCHIVE =
  /\.(?:zip|gz|tgz|bz2|xz|zst|br|7z|rar|tar|jar|deb|rpm|apk|iso|dmg|img)$/i;
const TEXT =
  /\.(?:pdf|md|rst|docx?|odt|rtf|xlsx?|ods|pptx?|odp|epub|tex|log|csv|tsv)$/i;

/** The kind of the file called `name`. */
export function fileKind(name: string): FileKind {
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
}

/** All drawings, to stand once in a page that uses {@linkcode icon}. */
export const ICONS: string = `<svg hidden>${
  Object.entries(DRAWINGS).map(([kind, drawing]) =>
    `<symbol id="${kind}" viewBox="0 0 24 24">${drawing}</symbol>`
  ).join("")
}</svg>`;

/** The picture of a kind; a reader of the page aloud passes over it. */
export function icon(kind: FileKind): string {
  return `<svg class="icon ${kind}" aria-hidden="true"><use href="#${kind}"/></svg>`;
}
