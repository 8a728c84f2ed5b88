/** The error page of development mode. */

import { namesType } from "../http/negotiation.ts";
import { fieldValue } from "../http/headers.ts";
import { escapeHtml } from "../http/html.ts";
import { log } from "../log/log.ts";
import { isServerFrame } from "../log/stack_frames.ts";
import type { HeaderList, HttpScope, PagiApp, Send } from "../pagi/types.ts";

/** The CSS of the page, inline. */
const ERROR_PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1c2128; --soft: #5b6470;
  --line: #e3e6ea; --error: #b3261e; --own: #f1f5fb; --link: #0b57d0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1216; --card: #171b21; --text: #e4e8ed; --soft: #9aa5b1;
    --line: #2a3038; --error: #f2867e; --own: #1e2733; --link: #8ab4f8;
  }
}
* { box-sizing: border-box; }
body {
  max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 3rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1, h2 { margin: 0; font-size: 1.3rem; line-height: 1.35; font-weight: 500; white-space: pre-wrap; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; }
.name { margin: 0 0 .15rem; color: var(--error); font-weight: 600; }
.request { margin: .5rem 0 0; color: var(--soft); }
section > .request:first-child { margin: 0 0 .25rem; }
.card { margin: 1.25rem 0; padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
code, .request, td { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .875rem; overflow-wrap: anywhere; }
ol { margin: .75rem 0 0; padding: 0; list-style: none; }
li { padding: .25rem .75rem; border-radius: .4rem; color: var(--soft); }
li.own { margin: .15rem 0; background: var(--own); color: var(--text); box-shadow: inset 3px 0 var(--link); }
summary { margin-top: .6rem; color: var(--link); cursor: pointer; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .4rem; }
table { width: 100%; margin-top: .5rem; border-collapse: collapse; }
th, td { padding: .3rem 1rem .3rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
th { width: 12rem; color: var(--soft); font-size: .875rem; font-weight: 400; overflow-wrap: anywhere; }
i { color: var(--soft); }
footer { color: var(--soft); font-size: .9rem; }
`;

/** An error or one of its causes. */
interface ErrorReport {
  /** Its class; for other values, the type. */
  readonly name: string;
  readonly message: string;
  readonly frames: readonly Frame[];
}

/** One line of a stack. */
interface Frame {
  /** As the engine writes it, without "at". */
  readonly text: string;
  /** True for the app's own code; false for the server's and packages'. */
  readonly own: boolean;
}

/** Causes may be circular. */
const MAX_CAUSES = 10;
const FOREIGN = /\b(ext|node|https?):|\/(node_modules|npm)\/|\(<anonymous>\)$/;

/** The error and its causes, the outermost first. */
function errorReports(error: unknown): ErrorReport[] {
  const reports: ErrorReport[] = [];
  let next = error;
  do {
    reports.push(report(next));
    next = next instanceof Error ? next.cause : undefined;
  } while (next !== undefined && reports.length <= MAX_CAUSES);
  return reports;
}

function report(error: unknown): ErrorReport {
  if (!(error instanceof Error)) {
    return {
      name: `Thrown: ${error === null ? "null" : typeof error}`,
      message: typeof error === "string" ? error : Deno.inspect(error),
      frames: [],
    };
  }
  const { message, stack } = error;
  // Many error classes do not set their name.
  const name = error.name === "Error" ? error.constructor.name : error.name;
  return { name, message, frames: framesOf(String(stack ?? "")) };
}

function framesOf(stack: string): Frame[] {
  return [...stack.matchAll(/^ +at (.*)$/gm)].map(([, text]) => ({
    text: text.replace(/\bfile:\/\/(?=\/)/, ""),
    own: !isServerFrame(text) && !FOREIGN.test(text),
  }));
}

/** Header fields whose values are secrets. */
const SECRET = /cookie|authorization|token|secret|password|api-?key/;

/** The page for an error; all of its text is escaped. */
function errorPageHtml(error: unknown, scope: HttpScope): string {
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

/** The page's `content-security-policy`: its own style, and no scripts. */
async function errorPagePolicy(): Promise<string> {
  const style = new TextEncoder().encode(ERROR_PAGE_STYLE);
  const digest = await crypto.subtle.digest("SHA-256", style);
  const hash = new Uint8Array(digest).toBase64();
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

/** The app's own frames; the others are collapsed. */
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

/**
 * Wraps an app so that an error before its response is sent as the response: a
 * page where `accept` names `text/html`, else plain text. The server still gets
 * the error, and logs it.
 */
export function errorPage(app: PagiApp): PagiApp {
  return async (scope, receive, send) => {
    try {
      await app(scope, receive, send);
    } catch (error) {
      if (
        scope.type === "http" && !scope["pagi.connection"].responseStarted()
      ) await show(error, scope, send);
      throw error;
    }
  };
}

/** The same page for an error of a fetch handler. */
export async function errorResponse(
  error: unknown,
  scope: HttpScope,
): Promise<Response> {
  const { body, headers } = await answer(error, scope);
  return new Response(body, { status: 500, headers });
}

/** Never rejects: on failure the server sends its own response. */
async function show(
  error: unknown,
  scope: HttpScope,
  send: Send,
): Promise<void> {
  try {
    const { body, headers } = await answer(error, scope);
    await send({ type: "http.response.start", status: 500, headers });
    await send({ type: "http.response.body", body });
  } catch (failure) {
    log.error("The error page could not be made.", failure);
  }
}

interface Answer {
  readonly body: string;
  readonly headers: HeaderList;
}

async function answer(error: unknown, scope: HttpScope): Promise<Answer> {
  const { body, headers } =
    namesType(fieldValue(scope.headers, "accept"), "text/html")
      ? await page(error, scope)
      : text(error);
  headers.push(
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
  );
  return { body, headers };
}

async function page(error: unknown, scope: HttpScope): Promise<Answer> {
  return {
    body: errorPageHtml(error, scope),
    headers: [
      ["content-type", "text/html; charset=utf-8"],
      ["content-security-policy", await errorPagePolicy()],
    ],
  };
}

function text(error: unknown): Answer {
  return {
    body: `${Deno.inspect(error)}\n`,
    headers: [["content-type", "text/plain; charset=utf-8"]],
  };
}
