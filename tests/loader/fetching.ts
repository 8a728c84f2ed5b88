/**
 * Fetch handlers as apps, and bodies that can be watched.
 *
 * @module
 */

import { fetchApp } from "../../src/loader/fetch_app.ts";
import type { FetchInfo } from "../../src/loader/fetch_app.ts";
import type { PagiApp } from "../../src/pagi/types.ts";

/** A handler as an app. */
export function app(
  fetch: (request: Request, info: FetchInfo) => Response | Promise<Response>,
): PagiApp {
  return fetchApp({ fetch });
}

/** A body of `chunks` that notes what its reader did. */
export function source(chunks: string[]): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  pulled: () => number;
  cancelled: Promise<unknown>;
} {
  const cancelled = Promise.withResolvers<unknown>();
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = chunks[pulled++];
      if (chunk !== undefined) {
        controller.enqueue(new TextEncoder().encode(chunk));
      } // Else the body stays open.
    },
    cancel: (reason) => cancelled.resolve(reason),
  }, { highWaterMark: 0 });
  return { body, pulled: () => pulled, cancelled: cancelled.promise };
}
