/** What all pages of a directory have in common: head, path and policy. */

import { escapeHtml } from "../../http/html.ts";
import { ICONS, LISTING_STYLE } from "./listing_assets.ts";

/** Where a page stands. */
export interface PagePlace {
  /** Where the app is mounted. */
  readonly rootPath: string;
  /** The directory's path beneath the root. */
  readonly parts: readonly string[];
  /** The name of the root; null for its path. */
  readonly title: string | null;
}

/** A folder; a page without one makes browsers ask for /favicon.ico. */
const FAVICON = "data:image/svg+xml," + encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M3 6a2 2 0 0 1 2-2h4l3 3h7a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z" fill="#d9a441"/></svg>',
);

/** What an option adds to a page. */
export interface PageParts {
  readonly html: string;
  readonly style: string;
  readonly script: string;
}

/**
 * The beginning of a page, up to its `main` element.
 *
 * @param name The title of the window.
 * @param heading The heading; its element has the id `heading`.
 * @param trail The directories above, from {@linkcode breadcrumbs}.
 * @param style CSS besides that of all listings.
 */
export function pageHead(
  name: string,
  heading: string,
  trail: string,
  style = "",
): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<link rel="icon" href="${FAVICON}">
<style>${LISTING_STYLE}</style>${style === "" ? "" : `<style>${style}</style>`}
</head>
<body>
${ICONS}
<header>
${trail}<h1 id="heading">${escapeHtml(heading)}</h1>
</header>
`;
}

/**
 * The path of a page, with a link to each directory above it.
 *
 * @param isFile The last part is a file, so that links lead one level less up.
 */
export function breadcrumbs(
  { rootPath, parts, title }: PagePlace,
  isFile = false,
): string {
  if (parts.length === 0) return "";
  const items = [title ?? `${rootPath}/`, ...parts].map((name, i) => {
    const up = parts.length - i;
    const isLast = up === 0;
    const slash = i === 0 && name.endsWith("/") || isLast && isFile ? "" : "/";
    const text = escapeHtml(name + slash);
    if (isLast && isFile) return `<li aria-current="page">${text}</li>`;
    if (isLast) return `<li><a href="./" aria-current="page">${text}</a></li>`;
    const href = "../".repeat(isFile ? up - 1 : up) || "./";
    return `<li><a href="${href}">${text}</a></li>`;
  });
  return `<nav aria-label="Path"><ol>${items.join("")}</ol></nav>\n`;
}

/**
 * The Content-Security-Policy of a page: its own style and `script`; pictures,
 * sounds and films of this server; and forms that lead back to it. The script
 * of `parts` may send requests to this server.
 */
export async function pagePolicy(
  script: string,
  parts: PageParts | null = null,
): Promise<string> {
  const styles = [LISTING_STYLE, ...parts === null ? [] : [parts.style]];
  const scripts = [script, ...parts === null ? [] : [parts.script]];
  const sourcesOf = async (texts: string[]) =>
    (await Promise.all(texts.map(sourceOf))).join(" ");
  return "default-src 'none'; " +
    `style-src ${await sourcesOf(styles)}; ` +
    `script-src ${await sourcesOf(scripts)}; ` +
    (parts === null ? "" : "connect-src 'self'; ") +
    `img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'`;
}

/** The source expression for a style or script: CSP Level 3, 2.3.1. */
async function sourceOf(text: string): Promise<string> {
  const digest = await sha256(new TextEncoder().encode(text));
  return `'sha256-${digest.toBase64()}'`;
}

/** Not by Node's module, which a first listing would have to load. */
export async function sha256(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
