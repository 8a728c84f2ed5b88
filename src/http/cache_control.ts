/**
 * How long files may be kept by clients (RFC 9111, section 5.2).
 *
 * @module
 */

/** The value of `cache-control` for a file of this name and type, or null. */
export type CachePolicy = (name: string, type: string) => string | null;

/** What a file never changes under has a hash of its content in its name. */
const FOR_EVER = "public, max-age=31536000, immutable";
const REVALIDATE = "no-cache";

/**
 * The policy that an option names.
 *
 * @param files `auto`: files with a hash in their name for ever, and all
 * others only as long as the server says that they have not changed. Any other
 * value is that of all files, with two exceptions: `immutable` stands only
 * where a hash is in the name, and pages do not last. Null: no value.
 * @param pages The value for HTML; null for what `files` says.
 */
export function cachePolicy(
  files: string | null,
  pages: string | null,
): CachePolicy {
  if (files === null) return (_, type) => isPage(type) ? pages : null;
  const isAuto = files === "auto";
  const hashed = isAuto ? FOR_EVER : files;
  const others = isAuto ? REVALIDATE : withoutImmutable(files);
  const page = pages ?? (isAuto ? REVALIDATE : revalidated(files));
  return (name, type) =>
    isPage(type) ? page : hashed !== others && hasHash(name) ? hashed : others;
}

const PAGE = /^(?:text\/html|application\/xhtml\+xml)\s*(?:;|$)/i;

/** Tells whether a media type is that of a page. */
function isPage(type: string): boolean {
  return PAGE.test(type);
}

/** A directive, which may have a quoted value. */
const DIRECTIVE = /(?:[^,"]|"[^"]*"?)+/g;
const IMMUTABLE = /^immutable$/i;
const LASTING =
  /^(?:immutable|(?:max-age|s-maxage|stale-while-revalidate|stale-if-error)\s*=.*)$/i;

function directivesIn(value: string): string[] {
  return (value.match(DIRECTIVE) ?? []).map((part) => part.trim())
    .filter((part) => part !== "");
}

function withoutImmutable(value: string): string | null {
  const all = directivesIn(value);
  const rest = all.filter((part) => !IMMUTABLE.test(part));
  if (rest.length === all.length) return value;
  return rest.length === 0 ? null : rest.join(", ");
}

/** The same without what lets a copy last without asking. */
function revalidated(value: string): string {
  const all = directivesIn(value);
  const rest = all.filter((part) => !LASTING.test(part));
  if (rest.length === all.length) return value;
  if (rest.some((part) => /^no-(?:cache|store)\b/i.test(part))) {
    return rest.join(", ");
  }
  return [...rest, REVALIDATE].join(", ");
}

/** Up to three extensions, as in `.chunk.js.map`. */
const END = "(?:\\.[a-z][a-z0-9]{0,9}){1,3}$";
/** In hexadecimal, as by webpack and Parcel; a date has no letters. */
const HEX = new RegExp(
  `(?:^|[._~-])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\\d)([0-9a-f]{8,64})${END}`,
);
/** Eight characters of base64url or base32, as by Vite, Rollup and esbuild. */
const SHORT = new RegExp(`[._~-]([A-Za-z0-9_-]{8})${END}`);
/**
 * A word with a number (`DSC12345`), a number with a word, and what begins with
 * a year (`20240315b`, `2024Q3v2`) are no hashes. A true one that looks so is
 * only asked for more often.
 */
const NO_HASH = /^[A-Za-z]+[_-]?\d+$|^\d+[_-]?[A-Za-z]+$|^(?:19|20)\d\d/;

/** Tells whether a hash of the content is in a file's name. */
export function hasHash(name: string): boolean {
  const hex = HEX.exec(name)?.[1];
  if (hex !== undefined) return !NO_HASH.test(hex);
  const short = SHORT.exec(name)?.[1];
  // Some hashes have no digit, but what has none may as well be a word.
  return short !== undefined && /[A-Z]/.test(short) && /\d/.test(short) &&
    !NO_HASH.test(short);
}
