/** Markdown as a page, for browsers. */

import { escapeHtml } from "../../http/html.ts";
import { fieldValue } from "../../http/headers.ts";
import { preferredType } from "../../http/negotiation.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import type { MarkdownIt } from "../../std/markdown.ts";
import type { RequestReader } from "../disconnect.ts";
import type { RequestScope } from "../reply.ts";
import type { OpenedFile } from "./document_root.ts";
import type { SmallFile } from "./small_file.ts";
import { makeBody, type PageBody, sendBody } from "./page_body.ts";
import { breadcrumbs, pageHead, pagePolicy } from "./page_frame.ts";
import type { FoundFile } from "./send_file.ts";
import { TimeSlice } from "./time_slice.ts";

/**
 * Bytes of a document that is rendered. The worst one, `_[^` repeated, takes a
 * good quarter of a second, and more than twice that at twice the length.
 */
const MAX_BYTES = 64 * 1024;
/** Bytes of rendered pages that are cached. */
const MAX_CACHED = 8 << 20;

const NAME = /\.(?:md|markdown)$/i;

/** Whether the file called `name` is Markdown. */
export function isMarkdown(name: string): boolean {
  return NAME.test(name);
}

let renderer: Promise<MarkdownIt> | null = null;

/**
 * `text` as HTML: CommonMark, with tables and struck text. HTML in it is shown
 * as text, and links that would run code are left out.
 */
export async function renderMarkdown(text: string): Promise<string> {
  renderer ??= loadRenderer().catch((error) => {
    // The next document tries again, as where the package could not be read.
    renderer = null;
    throw error;
  });
  return (await renderer).render(text);
}

async function loadRenderer(): Promise<MarkdownIt> {
  const { MarkdownIt } = await import("../../std/markdown.ts");
  const markdown = new MarkdownIt({ html: false, linkify: true });
  // Otherwise "file.md" would become a link to a host in Moldova.
  markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  markdown.core.ruler.push("heading_ids", ({ tokens }) => {
    const taken = new Map<string, number>();
    for (const [i, token] of tokens.entries()) {
      if (token.type !== "heading_open") continue;
      const id = headingId(tokens[i + 1].content);
      const count = taken.get(id) ?? 0;
      taken.set(id, count + 1);
      token.attrSet("id", count === 0 ? id : `${id}-${count}`);
    }
  });
  return markdown;
}

/** The fragment by which links lead to a heading, as on GitHub. */
function headingId(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
    .replaceAll(" ", "-");
}

async function pageFields(): Promise<HeaderList> {
  return [
    ["content-type", "text/html; charset=UTF-8"],
    ["content-security-policy", await pagePolicy("")],
  ];
}

interface CachedPage {
  /** What tells versions of the file apart. */
  readonly version: string;
  readonly body: PageBody;
}

/** Sends Markdown files as pages to those who ask for HTML. */
export class MarkdownPages {
  readonly #title: string | null;
  readonly #compress: boolean;
  /** By path and mount, the least recently used first. */
  readonly #pages = new Map<string, CachedPage>();
  #bytes = 0;
  #fields: Promise<HeaderList> | null = null;

  /** @param title What pages call the root; null for its path. */
  constructor(title: string | null, compress: boolean) {
    this.#title = title;
    this.#compress = compress;
  }

  /**
   * Sends `found` as a page if the client names HTML and does not prefer
   * Markdown; unless the query has `raw=1`, or the file is large.
   *
   * @returns false if the source is to be sent
   */
  async send(
    scope: RequestScope,
    client: () => RequestReader,
    send: Send,
    { opened, path }: FoundFile,
  ): Promise<boolean> {
    const accept = fieldValue(scope.headers, "accept");
    if (
      sizeOf(opened) > MAX_BYTES ||
      preferredType(accept, "text/markdown", ["text/html"]) !== "text/html" ||
      new URLSearchParams(scope.query_string).get("raw") === "1"
    ) return false;
    const body = await this.#page(scope.root_path, path, opened);
    const compress = this.#compress;
    const fields = await (this.#fields ??= pageFields());
    await sendBody(scope, send, client(), fields, body, { compress });
    return true;
  }

  async #page(
    rootPath: string,
    path: string,
    opened: OpenedFile | SmallFile,
  ): Promise<PageBody> {
    const key = `${rootPath}\0${path}`;
    const { ino, mtime, ctime } = opened.info;
    const version = [ino, sizeOf(opened), +(mtime ?? 0), +(ctime ?? 0)].join();
    const cached = this.#pages.get(key);
    this.#forget(key);
    const body = cached?.version === version
      ? cached.body
      : await this.#render(rootPath, path, await textOf(opened));
    this.#forget(key);
    this.#pages.set(key, { version, body });
    this.#bytes += body.bytes.length;
    for (const oldest of this.#pages.keys()) {
      if (this.#bytes <= MAX_CACHED) break;
      this.#forget(oldest);
    }
    return body;
  }

  #forget(key: string): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#bytes -= page.body.bytes.length;
    this.#pages.delete(key);
  }

  async #render(
    rootPath: string,
    path: string,
    text: string,
  ): Promise<PageBody> {
    const parts = path.split("/");
    const name = parts.at(-1)!;
    const trail = breadcrumbs({ rootPath, parts, title: this.#title }, true);
    const page = `${pageHead(name, name, trail)}<main>
<div class="tools"><p></p><form><button class="button" name="raw" value="1">Source</button></form></div>
<article class="card readme">
${await renderMarkdown(text)}</article>
</main>
</body>
</html>
`;
    return await makeBody([page], new TimeSlice());
  }
}

function sizeOf(opened: OpenedFile | SmallFile): number {
  return opened.kind === "small" ? opened.bytes.length : opened.info.size;
}

async function textOf(opened: OpenedFile | SmallFile): Promise<string> {
  if (opened.kind === "small") return new TextDecoder().decode(opened.bytes);
  const bytes = new Uint8Array(opened.info.size);
  await opened.file.seek(0, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const count = await opened.file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** The README of a directory below its entries. */
export async function readmeSection(
  name: string,
  text: string,
  markdown: boolean,
): Promise<string> {
  const content = markdown && isMarkdown(name) && text.length <= MAX_BYTES
    ? await renderMarkdown(text)
    : `<pre>${escapeHtml(text)}</pre>`;
  return `<section class="card readme" aria-labelledby="readme">
<h2 id="readme">${escapeHtml(name)}</h2>
${content}
</section>
`;
}
