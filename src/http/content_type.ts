/**
 * Media types of files, the charset of text by its bytes, and how long each
 * type is kept by caches.
 */

import { contentType } from "../std/media_types.ts";
import { memo } from "./memo.ts";

/** The value of `cache-control` for a file of this name and type, or null. */
export type CachePolicy = (name: string, type: string) => string | null;

/** For files whose names contain a hash of their content. */
const FOR_EVER = "public, max-age=31536000, immutable";
const REVALIDATE = "no-cache";

/**
 * The policy for the values of options.
 *
 * @param files `auto`: files with a hash in their name never expire, all others
 * are revalidated. Any other value is sent with all files, except that
 * `immutable` needs a hash in the name and that HTML is always revalidated.
 * Null: none.
 * @param pages The value for HTML; null for that of `files`.
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

/** Whether a media type is that of a page. */
function isPage(type: string): boolean {
  return PAGE.test(type);
}

/** A directive, which may have a quoted value. */
const DIRECTIVE = /(?:[^,"]|"[^"]*"?)+/g;
const IMMUTABLE = /^immutable$/i;
const LASTING =
  /^(?:immutable|(?:max-age|s-maxage|stale-while-revalidate|stale-if-error)\s*=.*)$/i;

/** The directives of `value` without some; null if it has none of those. */
function without(pattern: RegExp, value: string): string[] | null {
  const all = (value.match(DIRECTIVE) ?? []).map((part) => part.trim())
    .filter((part) => part !== "");
  const rest = all.filter((part) => !pattern.test(part));
  return rest.length === all.length ? null : rest;
}

function withoutImmutable(value: string): string | null {
  const rest = without(IMMUTABLE, value);
  return rest === null ? value : rest.join(", ") || null;
}

/** `value` without directives that allow reuse without revalidation. */
function revalidated(value: string): string {
  const rest = without(LASTING, value);
  if (rest === null) return value;
  const isStrict = rest.some((part) => /^no-(?:cache|store)\b/i.test(part));
  return [...rest, ...isStrict ? [] : [REVALIDATE]].join(", ");
}

/** Up to three extensions, as in `.chunk.js.map`. */
const END = "(?:\\.[a-z][a-z0-9]{0,9}){1,3}$";
/** In hexadecimal (webpack, Parcel), with a letter, unlike a date. */
const HEX = new RegExp(
  `(?:^|[._~-])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\\d)([0-9a-f]{8,64})${END}`,
);
/** Eight characters of base64url or base32 (Vite, Rollup, esbuild). */
const SHORT = new RegExp(`[._~-]([A-Za-z0-9_-]{8})${END}`);
/**
 * Not hashes: a word with a number (`DSC12345`), a number with a word, and a
 * year with anything (`2024Q3v2`). A hash like that is only revalidated.
 */
const NO_HASH = /^[A-Za-z]+[_-]?\d+$|^\d+[_-]?[A-Za-z]+$|^(?:19|20)\d\d/;

/** Whether a hash of the content is in a file's name. */
export function hasHash(name: string): boolean {
  const hex = HEX.exec(name)?.[1];
  if (hex !== undefined) return !NO_HASH.test(hex);
  const short = SHORT.exec(name)?.[1];
  // Some hashes have no digit, but what has none may as well be a word.
  return short !== undefined && /[A-Z]/.test(short) && /\d/.test(short) &&
    !NO_HASH.test(short);
}

const TEXT = "text/plain";
/** The same for `.mjs` and `.cjs` as PAGI.md 7 has it for `.js`. */
const SCRIPT = "application/javascript";

/**
 * Types that differ from those of the library: by PAGI.md 7, by IANA, or so
 * that browsers show files instead of saving them.
 */
const OWN_TYPES: Readonly<Record<string, string>> = {
  ico: "image/x-icon",
  js: SCRIPT,
  cjs: SCRIPT,
  mjs: SCRIPT,
  // RFC 9512; the library has the deprecated name.
  yaml: "application/yaml",
  yml: "application/yaml",
  jsonl: "application/jsonl",
  ndjson: "application/x-ndjson",
  ipynb: "application/x-ipynb+json",
  tgz: "application/gzip",
  zst: "application/zstd",
  ...Object.fromEntries(
    ("md markdown pl pm ts tsx mts cts jsx rs py pyi pyw go sh bash zsh fish " +
      "rb kt kts swift cs fs hpp hh cxx hxx m mm scala sbt clj cljs ex exs " +
      "erl hrl hs ml mli jl r zig nim dart lua tcl el lisp scm vim nix ps1 " +
      "psm1 bat cmd vue svelte astro jsonc tex bib rst adoc org cfg env " +
      "properties gradle tf tfvars proto graphql gql diff patch lock cmake " +
      "mk mak awk sed service desktop editorconfig gitignore")
      .split(" ").map((extension) => [extension, TEXT]),
  ),
};

/** The media type of a file extension; "" where it has none. */
const typeOfExtension = memo((extension) =>
  contentType(
    Object.hasOwn(OWN_TYPES, extension) ? OWN_TYPES[extension] : extension,
  ) ?? ""
);

/**
 * The media type for the extension of `name`, with a charset for text;
 * `fallback` if it is unknown.
 */
export function mediaTypeOf(name: string, fallback: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return fallback;
  return typeOfExtension(name.slice(dot + 1).toLowerCase()) || fallback;
}

const CHARSET = "; charset=UTF-8";
/** MPEG transport streams have the extensions of TypeScript. */
const STREAM = /\.m?ts$/i;
/** Bytes from one 0x47 to the next in such a stream. */
const PACKET = 188;

/**
 * The `content-type` of a file called `name`. Text that declares its encoding
 * gets no charset, which would override that. Other text gets `charset` ("" for
 * none); if that is null, UTF-8 if it is valid.
 *
 * @param head Returns the beginning of the file, in whole characters.
 */
export function contentTypeOf(
  name: string,
  fallback: string,
  charset: string | null,
  head: () => Uint8Array,
): string {
  const type = mediaTypeOf(name, "");
  if (type === "") return fallback;
  if (!type.endsWith(CHARSET)) return type;
  const bytes = head();
  if (STREAM.test(name) && bytes[0] === 0x47 && bytes[PACKET] === 0x47) {
    return "video/mp2t";
  }
  const bare = type.slice(0, -CHARSET.length);
  const declared = declaredCharset(bare, bytes);
  if (declared !== null) return /^utf-?8$/i.test(declared) ? type : bare;
  if (charset !== null) {
    return charset === "" ? bare : `${bare}; charset=${charset}`;
  }
  return isUtf8(bytes) ? type : bare;
}

/** Bytes in which a page declares its encoding (HTML, 13.2.3.2). */
const DECLARATION_BYTES = 1024;
/** The beginning of a style sheet (CSS Syntax 3, 3.2). */
const AT_CHARSET = /^@charset "([\w.:-]+)"/;

/** The encoding by a byte order mark or a declaration; null if none. */
function declaredCharset(type: string, head: Uint8Array): string | null {
  const [first, second, third] = head;
  if (first === 0xfe && second === 0xff) return "utf-16be";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (type !== "text/html" && type !== "text/css") return null;
  const text = latin1.decode(head.subarray(0, DECLARATION_BYTES));
  return type === "text/html"
    ? metaCharset(text)
    : AT_CHARSET.exec(text)?.[1] ?? null;
}

const COMMENT = /<!--[^]*?(?:-->|$)/g;
const META = /<meta[\s/]([^>]*)/gi;
const ATTRIBUTE = /([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const IN_CONTENT = /charset\s*=\s*["']?([\w.:-]+)/i;

/** The encoding in a `meta` element, as browsers find it. */
function metaCharset(text: string): string | null {
  for (const [, inside] of text.replace(COMMENT, "").matchAll(META)) {
    const values: Record<string, string> = {};
    for (const [, name, ...quoted] of inside.matchAll(ATTRIBUTE)) {
      values[name.toLowerCase()] ??= quoted.find((value) =>
        value !== undefined
      )!
        .trim();
    }
    const { charset, content = "", "http-equiv": pragma = "" } = values;
    const found = charset ??
      (/^content-type$/i.test(pragma) ? IN_CONTENT.exec(content)?.[1] : null);
    // This could not be read in UTF-16, so browsers assume UTF-8.
    if (found != null) return /^utf-16/i.test(found) ? "utf-8" : found;
  }
  return null;
}

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** `bytes` without an incomplete UTF-8 character at their end. */
export function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte >= 0x80 && byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, -back) : bytes;
  }
  return bytes;
}

const COMPRESSIBLE = new RegExp(
  "^(?:text/[^;]+" +
    "|[^;]+\\+(?:json|xml)" +
    "|application/(?:jsonl?|json5|javascript|xml|wasm|sql|rtf|toml|yaml" +
    "|x-(?:sh|perl|tcl|tex|ndjson)|vnd\\.ms-fontobject)" +
    "|font/(?:ttf|otf|collection)" +
    "|image/(?:bmp|x-icon|vnd\\.microsoft\\.icon))(?:;|$)",
);

/** Whether bodies of the media type `type` shrink when compressed. */
export function isCompressible(type: string): boolean {
  return COMPRESSIBLE.test(type);
}
