/**
 * Request targets and the paths in them.
 *
 * @module
 */

/** Splits a request target at its first `?`; the query is "" when missing. */
export function splitTarget(
  target: string,
): { rawPath: string; queryString: string } {
  const mark = target.indexOf("?");
  return mark < 0
    ? { rawPath: target, queryString: "" }
    : { rawPath: target.slice(0, mark), queryString: target.slice(mark + 1) };
}

// ASCII without "%".
const PLAIN = /^[\0-$&-\x7f]*$/;
// One byte per code unit.
const BYTES = /^[\0-\xff]*$/;
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The `path` of a scope: `rawPath` (one byte per code unit) percent-decoded,
 * then read as UTF-8; where it is not valid UTF-8, its bytes, one code unit
 * each. Malformed escapes and `+` are left alone (PAGI.md 3.1, 13, 14).
 */
export function decodePath(rawPath: string): string {
  if (PLAIN.test(rawPath)) return rawPath;
  // Not the bytes of a target: cutting code units down could make up a "..".
  if (!BYTES.test(rawPath)) return rawPath;
  const bytes = rawPath.replace(
    ESCAPE,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
  try {
    return utf8.decode(Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)));
  } catch {
    return bytes;
  }
}

/**
 * Percent-encodes one component of a path, such as a file name, as UTF-8. The
 * result has no `/`, `?`, `#`, `%`, quote or control character of its own.
 */
export function encodeSegment(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll("'", "%27");
}
