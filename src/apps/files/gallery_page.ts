/**
 * The pictures, sounds and films of a directory, shown and played in the page.
 *
 * The browser makes the small pictures from whole ones, as they come into view:
 * the server has no means to scale them.
 */

import { escapeHtml } from "../../http/html.ts";
import { encodeSegment } from "../../http/target.ts";
import type { Entry } from "./directory_entries.ts";
import { fileKind, icon, isMedia } from "./listing_assets.ts";
import { type Listing, listingHead } from "./listing_page.ts";

/** Items in one chunk of the page. */
const GROUP = 100;

/** The gallery in chunks: directories first, files that are no media left out. */
export function* galleryPage(listing: Listing): Generator<string> {
  const shown: Entry[] = [];
  for (const [i, entry] of listing.entries.entries()) {
    // Empty chunks let others have the thread.
    if (i % GROUP === GROUP - 1) yield "";
    if (entry.is_dir || isMedia(entry.name)) shown.push(entry);
  }
  const others = listing.entries.length - shown.length;
  yield `${listingHead(listing)}<main>
<div class="tools">
<p>${
    others === 0
      ? ""
      : `${others} other file${others === 1 ? "" : "s"} in the list`
  }</p>
<form><button class="button">List</button></form>
</div>
<ul class="gallery" aria-labelledby="heading">
`;
  for (let i = 0; i < shown.length; i += GROUP) {
    yield shown.slice(i, i + GROUP).map(item).join("");
  }
  yield `</ul>
</main>
</body>
</html>
`;
}

function item({ name, is_dir }: Entry): string {
  const href = `./${encodeSegment(name)}`;
  const text = escapeHtml(name);
  if (is_dir) {
    return `<li>${
      icon("folder")
    }<a href="${href}/?view=gallery">${text}/</a></li>\n`;
  }
  const kind = fileKind(name);
  // The sizes of films are read before they are played; sounds have none.
  const media = kind === "audio"
    ? `<audio controls preload="none" src="${href}" aria-label="${text}"></audio>`
    : kind === "video"
    ? `<video controls preload="metadata" src="${href}" aria-label="${text}"></video>`
    : `<img loading="lazy" decoding="async" src="${href}" alt="">`;
  return `<li>${media}<a href="${href}">${text}</a></li>\n`;
}
