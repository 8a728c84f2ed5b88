/**
 * Which of an app's header fields go to the client.
 *
 * @module
 */

import { trimWhitespace } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";

/**
 * The fields without those that are the server's: framing and connection
 * (PAGI.md 3.3). They are copied: what the app does to its own list after the
 * event was checked cannot reach the engine.
 */
export function endToEnd(headers: HeaderList): HeaderList {
  const fields: HeaderList = [];
  for (const [name, value] of headers) {
    if (!isHopByHop(name)) fields.push([name, trimWhitespace(value)]);
  }
  return fields;
}

function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 10:
      return name.toLowerCase() === "connection" ||
        name.toLowerCase() === "keep-alive";
    case 17:
      return name.toLowerCase() === "transfer-encoding";
    default:
      return false;
  }
}
