/** Request targets and the paths in them. */

/** Splits a request target at its first `?`; the query is "" if missing. */
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
  return PLAIN.test(rawPath) ? rawPath : readPath(rawPath).path;
}

/** The same, and whether it is valid UTF-8. */
export function readPath(rawPath: string): { path: string; isUtf8: boolean } {
  // Not bytes: truncating code units could result in "..".
  if (!BYTES.test(rawPath)) return { path: rawPath, isUtf8: true };
  const bytes = rawPath.replace(
    ESCAPE,
    (_, digits) => String.fromCharCode(parseInt(digits, 16)),
  );
  try {
    const path = utf8.decode(
      Uint8Array.from(bytes, (unit) => unit.charCodeAt(0)),
    );
    return { path, isUtf8: true };
  } catch {
    return { path: bytes, isUtf8: false };
  }
}

/**
 * The names in a decoded path, without empty ones and dot segments (RFC 3986,
 * 5.2.4); null if `..` leads out of it. `\\` counts as `/`, as on Windows and in
 * browsers.
 */
export function pathSegments(path: string): string[] | null {
  const names: string[] = [];
  for (const name of path.split(/[/\\]/)) {
    if (name === "..") {
      if (names.pop() === undefined) return null;
    } else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/** Whether a path ends with a slash or a dot segment. */
export function isDirectoryPath(path: string): boolean {
  return /(?:^|[/\\])\.{0,2}$/.test(path);
}

/** A byte that is not UTF-8, in a name as in `system/file_names.ts`. */
const BYTE = /([\udc80-\udcff])/u;

/**
 * Percent-encodes one component of a path, such as a file name: its UTF-8 or
 * its bytes. All of `/?#%"'`, and control characters, are encoded.
 */
export function encodeSegment(name: string): string {
  if (name.isWellFormed()) {
    return encodeURIComponent(name).replaceAll("'", "%27");
  }
  return name.split(BYTE).map((text) =>
    BYTE.test(text)
      ? `%${(text.charCodeAt(0) - 0xdc00).toString(16).toUpperCase()}`
      : encodeSegment(text.toWellFormed())
  ).join("");
}
