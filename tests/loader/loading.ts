/**
 * Loading apps as the command line does.
 *
 * @module
 */

import { loadApp } from "../../src/loader/load_app.ts";
import type { AppRequest } from "../../src/loader/load_app.ts";
import { LoadError } from "../../src/loader/load_error.ts";
import { assertEquals, assertRejects } from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";

/** The code of an app that says what the expression `text` gives. */
export const says = (text: string): string =>
  `async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: ${text} });
  }`;

/** What `pagi-server POSITIONALS…` asks for. */
export function request(
  positionals: string[],
  more: Partial<AppRequest> = {},
): AppRequest {
  return { positionals, app: null, lib: [], modules: [], eval: null, ...more };
}

/** Loads what `positionals` name and yields what it says. */
export async function said(
  positionals: string[],
  more: Partial<AppRequest> = {},
): Promise<string> {
  const { app } = await loadApp(request(positionals, more));
  return (await runApp(app)).text;
}

/** The message of the LoadError that loading `positionals` ends with. */
export async function failure(
  positionals: string[],
  more: Partial<AppRequest> = {},
): Promise<string> {
  const { message } = await assertRejects(
    () => loadApp(request(positionals, more)),
    LoadError,
  );
  // The user's file matters, not how we came to load it.
  assertEquals(message.includes("src/loader/"), false, message);
  return message;
}
