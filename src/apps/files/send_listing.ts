/**
 * The listing of a folder as a response.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { preferredType } from "../../http/accept.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, Receive, Send } from "../../pagi/types.ts";
import { reply, replyStatus } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import type { DocumentRoot, OpenedFolder } from "./document_root.ts";
import { listingPage, PAGE_SIZE } from "./listing_page.ts";
import { readListingQuery } from "./listing_query.ts";
import type { ListingQuery } from "./listing_query.ts";
import { LISTING_SCRIPT } from "./listing_script.ts";
import { LISTING_STYLE } from "./listing_style.ts";
import { readEntries } from "./read_entries.ts";
import type { Entry } from "./read_entries.ts";
import { readReadme } from "./read_readme.ts";
import { sendArchive } from "./send_archive.ts";
import { sortEntries } from "./sort_entries.ts";
import type { SortKey } from "./sort_entries.ts";

/** How folders are listed. */
export interface ListingSettings {
  readonly root: DocumentRoot;
  readonly showHidden: boolean;
  /** What the root is called; null if it is called by its path. */
  readonly title: string | null;
  /** What entries are sorted by unless a request says more. */
  readonly sort: SortKey;
  /** Offer folders as archives. */
  readonly zip: boolean;
  /** Show README files below the entries. */
  readonly readme: boolean;
}

const HTML = "text/html";
const JSON_TYPE = "application/json";
const PLAIN = "text/plain";

/** The page's own style and script, and nothing else. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; " +
  `style-src ${sourceOf(LISTING_STYLE)}; script-src ${
    sourceOf(LISTING_SCRIPT)
  }; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`;

const COMMON: HeaderList = [
  ["vary", "accept"],
  ["x-content-type-options", "nosniff"],
];

/**
 * Lists `folder`, that of `parts`: as HTML, or as JSON or plain text to those
 * who prefer it; or sends it as an archive where the query asks for that.
 */
export async function sendListing(
  scope: RequestScope,
  receive: Receive,
  send: Send,
  folder: OpenedFolder,
  parts: readonly string[],
  settings: ListingSettings,
): Promise<void> {
  const { root, showHidden, title } = settings;
  const query = readListingQuery(scope.query_string, settings.sort);
  if (query.zip && settings.zip) {
    return await sendArchive(scope, receive, send, root, parts, showHidden);
  }
  const found = await readEntries(folder.path, root, showHidden);
  if (found === null) return await replyStatus(send, 404);
  const entries = sortEntries(found, query);

  const accept = fieldValue(scope.headers, "accept");
  switch (preferredType(accept, HTML, [JSON_TYPE, PLAIN])) {
    case JSON_TYPE:
      return await reply(
        send,
        200,
        [["content-type", JSON_TYPE], ...COMMON],
        JSON.stringify(pageOf(entries, query)),
      );
    case PLAIN:
      return await reply(
        send,
        200,
        [["content-type", `${PLAIN}; charset=UTF-8`], ...COMMON],
        pageOf(entries, query).map(line).join(""),
      );
  }
  const page = query.page ?? 1;
  const path = parts.map((part) => `${part}/`).join("");
  const readme = settings.readme && page === 1
    ? await readReadme(root, path, entries)
    : null;
  const listing = {
    rootPath: scope.root_path,
    parts,
    title,
    entries,
    order: query,
    page,
    zip: settings.zip,
    readme,
  };
  await reply(send, 200, [
    ["content-type", `${HTML}; charset=UTF-8`],
    ["content-security-policy", CONTENT_SECURITY_POLICY],
    ...COMMON,
  ], listingPage(listing));
}

/** Programs get all, unless they ask for a page. */
function pageOf(
  entries: readonly Entry[],
  { page }: ListingQuery,
): readonly Entry[] {
  return page === null
    ? entries
    : entries.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
}

/** A name on a line of its own: what would break it is shown as `?`, as by ls. */
function line({ name, is_dir }: Entry): string {
  // deno-lint-ignore no-control-regex -- these are meant
  return `${name.replace(/[\0-\x1f\x7f]/g, "?")}${is_dir ? "/" : ""}\n`;
}

function sourceOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
