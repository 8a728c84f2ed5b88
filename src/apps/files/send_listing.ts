/**
 * The listing of a folder as a response.
 *
 * @module
 */

import { prefers } from "../../http/accept.ts";
import { fieldValue } from "../../http/headers.ts";
import type { HeaderList, Send } from "../../pagi/types.ts";
import { reply } from "../reply.ts";
import type { RequestScope } from "../reply.ts";
import { listingPage } from "./listing_page.ts";
import type { Entry } from "./read_entries.ts";

const JSON_TYPE = "application/json";

/** The page needs its own style and nothing else. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'self'";

const COMMON: HeaderList = [
  ["vary", "accept"],
  ["x-content-type-options", "nosniff"],
];

/** Lists `entries` of the folder of `parts`, as JSON to those who prefer it. */
export function sendListing(
  scope: RequestScope,
  send: Send,
  parts: readonly string[],
  entries: readonly Entry[],
): Promise<void> {
  const accept = fieldValue(scope.headers, "accept");
  return prefers(accept, JSON_TYPE, "text/html")
    ? reply(
      send,
      200,
      [["content-type", JSON_TYPE], ...COMMON],
      JSON.stringify(entries),
    )
    : reply(send, 200, [
      ["content-type", "text/html; charset=UTF-8"],
      ["content-security-policy", CONTENT_SECURITY_POLICY],
      ...COMMON,
    ], listingPage(scope.root_path, parts, entries));
}
