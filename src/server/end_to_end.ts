/**
 * Which of an app's header fields go to the client.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";

/** The framing and the connection are the server's (PAGI.md 3.3). */
export function endToEnd(headers: HeaderList): HeaderList {
  for (const [name] of headers) {
    if (isHopByHop(name)) {
      return headers.filter(([name]) => !isHopByHop(name));
    }
  }
  return headers;
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
