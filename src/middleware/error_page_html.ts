/**
 * The error page.
 *
 * @module
 */

import { escapeHtml } from "../http/html.ts";
import type { HttpScope } from "../pagi/types.ts";
import { ERROR_PAGE_STYLE } from "./error_page_style.ts";
import { type ErrorReport, errorReports, type Frame } from "./error_report.ts";

/** Names of header fields whose values let their readers in somewhere. */
const SECRET = /cookie|authorization|token|secret|password|api-?key/;

/** The page for what an app threw on a request; all of it is escaped. */
export function errorPageHtml(error: unknown, scope: HttpScope): string {
  const [first, ...causes] = errorReports(error);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${first.name}: ${first.message}`)}</title>
<style>${ERROR_PAGE_STYLE}</style>
</head>
<body>
<main>
<section class="card">
${heading(first, "h1")}
<p class="request">${escapeHtml(requestLine(scope))}</p>
${stack(first.frames)}</section>
${causes.map(causeSection).join("")}<section class="card">
<h2>Header fields of the request</h2>
<table>
${scope.headers.map(headerRow).join("")}</table>
</section>
</main>
<footer>Shown in development only. With <code>--env production</code> clients get a plain 500; the log has the error either way.</footer>
</body>
</html>
`;
}

/** `content-security-policy`: the page looks as it does, and does nothing. */
export async function errorPagePolicy(): Promise<string> {
  const style = new TextEncoder().encode(ERROR_PAGE_STYLE);
  const digest = await crypto.subtle.digest("SHA-256", style);
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

function heading({ name, message }: ErrorReport, level: "h1" | "h2"): string {
  return `<p class="name">${escapeHtml(name)}</p>
<${level}>${escapeHtml(message || "(no message)")}</${level}>`;
}

function causeSection(cause: ErrorReport): string {
  return `<section class="card">
<p class="request">Caused by</p>
${heading(cause, "h2")}
${stack(cause.frames)}</section>
`;
}

/** The app's own frames; all of them on demand. */
function stack(frames: readonly Frame[]): string {
  if (frames.length === 0) return "";
  const own = frames.filter((frame) => frame.own);
  if (own.length === 0 || own.length === frames.length) return list(frames);
  return `${list(own)}<details>
<summary>All ${frames.length} frames</summary>
${list(frames)}</details>
`;
}

function list(frames: readonly Frame[]): string {
  const items = frames.map(({ text, own }) =>
    `<li${own ? ' class="own"' : ""}><code>${escapeHtml(text)}</code></li>\n`
  );
  return `<ol>\n${items.join("")}</ol>\n`;
}

function requestLine(scope: HttpScope): string {
  const { method, raw_path, path, query_string, http_version } = scope;
  const query = query_string === "" ? "" : `?${query_string}`;
  return `${method} ${raw_path ?? path}${query} HTTP/${http_version}`;
}

function headerRow([name, value]: [string, string]): string {
  const shown = SECRET.test(name) ? "<i>(hidden)</i>" : escapeHtml(value);
  return `<tr><th scope="row">${escapeHtml(name)}</th><td>${shown}</td></tr>\n`;
}
