/**
 * The target of a request, as it stands in the engine's URL of it.
 *
 * @module
 */

import { splitTarget } from "../http/target.ts";
import { Refusal } from "./refusal.ts";

/** What nearly all targets are: visible ASCII, without "#". */
const PLAIN = /^[!"$-~]*$/;
/** The same without "%". */
const PLAIN_AND_DECODED = /^[!"$&-~]*$/;

/** True of a path that is right and the same when decoded, as most are. */
export function isPlainPath(path: string): boolean {
  return PLAIN_AND_DECODED.test(path);
}

/**
 * A target or a part of one, one code unit per byte.
 *
 * @throws {Refusal} When it holds what no target may.
 */
export function checkedTarget(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text.includes("#")) {
    throw new Refusal(400, "A request target has no fragment.");
  }
  // The engine lets this one control character through by HTTP/2.
  if (text.includes("\x7f")) {
    throw new Refusal(400, "A request target has no control character.");
  }
  return toByteString(text);
}

/** The target in the engine's URL of a request, whatever it holds. */
export function targetOf(url: string): ReturnType<typeof splitTarget> {
  const start = endOfAuthority(url, url.indexOf("://") + 3);
  return splitTarget(toByteString(url.slice(start)));
}

/** Where the authority ends that begins at `start` of a URL. */
export function endOfAuthority(url: string, start: number): number {
  for (let i = start; i < url.length; i++) {
    if (endsAuthority(url.charCodeAt(i))) return i;
  }
  return url.length;
}

/** True of "/", "?", "#" and the end of the text. */
export function endsAuthority(unit: number): boolean {
  return unit === 47 || unit === 63 || unit === 35 || Number.isNaN(unit);
}

/** A target may hold UTF-8; PAGI's strings hold one byte per unit. */
function toByteString(text: string): string {
  if (PLAIN.test(text)) return text;
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) {
    bytes += String.fromCharCode(byte);
  }
  return bytes;
}
