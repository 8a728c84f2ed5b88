/**
 * Apps for tests of the `http` scope.
 *
 * @module
 */

import type {
  BytesIn,
  HeaderList,
  PagiApp,
  Receive,
  Send,
} from "../../src/pagi/types.ts";
import { appFor, type Serve } from "./scope_app.ts";

/** Serves one request. */
export type ServeHttp = Serve<"http">;

/** An app for `http` scopes; it throws on others, as PAGI.md 1 asks for. */
export function httpApp(serve: ServeHttp): PagiApp {
  return appFor("http", serve);
}

/** Sends a whole response in two events. */
export async function reply(
  send: Send,
  body: BytesIn = "",
  headers: HeaderList = [],
  status = 200,
): Promise<void> {
  await send({ type: "http.response.start", status, headers });
  await send({ type: "http.response.body", body });
}

/** Receives the whole request body; one code unit per byte. */
export async function readBody(receive: Receive): Promise<string> {
  let body = "";
  while (true) {
    const event = await receive();
    if (event.type !== "http.request") {
      throw new Error(`${event.type} came before the end of the body`);
    }
    for (const byte of event.body) body += String.fromCharCode(byte);
    if (!event.more) return body;
  }
}

/** The lines of a level in what a server has logged. */
export function linesOf(
  level: "debug" | "info" | "warn" | "error",
  log: readonly string[],
): string[] {
  return log.filter((text) => text.split(" ", 2)[1] === level);
}
