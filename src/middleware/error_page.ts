/**
 * What clients see in development when an app has failed.
 *
 * @module
 */

import { namesType } from "../http/accept.ts";
import { fieldValue } from "../http/headers.ts";
import { log } from "../log/log.ts";
import type { HeaderList, HttpScope, PagiApp, Send } from "../pagi/types.ts";
import { errorPageHtml, errorPagePolicy } from "./error_page_html.ts";

/**
 * Wraps an app so that an error before its response is the response: a page
 * where `accept` names `text/html`, as browsers do, and plain text elsewhere.
 * The error goes on to the server all the same, which logs it.
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

/** The same page for what a fetch handler threw. */
export async function errorResponse(
  error: unknown,
  scope: HttpScope,
): Promise<Response> {
  const { body, headers } = await answer(error, scope);
  return new Response(body, { status: 500, headers });
}

/** Never rejects: without this answer the server gives its own. */
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
