/**
 * Which of an app's header fields go to the client.
 *
 * @module
 */

import type { HeaderList } from "../pagi/types.ts";

const SPACE = 0x20;

/**
 * The fields without those that are the server's: framing and connection
 * (PAGI.md 3.3). They are copied: what the app does to its own list after the
 * event was checked cannot reach the engine.
 */
export function endToEnd(headers: HeaderList): HeaderList {
  const fields: HeaderList = [];
  for (const [name, value] of headers) {
    if (!isHopByHop(name)) fields.push([name, trimmed(value)]);
  }
  return fields;
}

/** Whitespace around a value is not part of it (RFC 9110, section 5.5). */
function trimmed(value: string): string {
  const { length } = value;
  return value.charCodeAt(0) <= SPACE || value.charCodeAt(length - 1) <= SPACE
    ? value.replace(/^[\t ]+|[\t ]+$/g, "")
    : value;
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
