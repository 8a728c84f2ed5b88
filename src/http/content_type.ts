/**
 * The media type of a file, by its name.
 *
 * @module
 */

import { contentType } from "../std/media_types.ts";

/** Types that PAGI.md 7 sets and that differ from the registered ones. */
const OWN_TYPES: Readonly<Record<string, string>> = {
  ico: "image/x-icon",
  js: "application/javascript",
  md: "text/plain",
  pl: "text/plain",
};

const known = new Map<string, string>();

/**
 * The value of `content-type` for a file called `name`, with a charset for
 * text; `fallback` when the extension says nothing.
 */
export function contentTypeOf(name: string, fallback: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return fallback;
  const extension = name.slice(dot + 1).toLowerCase();
  let type = known.get(extension);
  if (type === undefined) {
    type = contentType(
      Object.hasOwn(OWN_TYPES, extension) ? OWN_TYPES[extension] : extension,
    );
    if (type === undefined) return fallback;
    known.set(extension, type);
  }
  return type;
}

/**
 * Tells whether bodies of the media type `type` are event streams, which may
 * be silent for long and have no end of their own (HTML standard, "Server-sent
 * events").
 */
export function isEventStream(type: string): boolean {
  return /^text\/event-stream[ \t]*(?:;|$)/i.test(type);
}

const COMPRESSIBLE = new RegExp(
  "^(?:text/[^;]+" +
    "|[^;]+\\+(?:json|xml)" +
    "|application/(?:json|javascript|xml|wasm|sql|rtf|toml|yaml" +
    "|x-(?:sh|perl|tcl|ndjson)|vnd\\.ms-fontobject)" +
    "|font/(?:ttf|otf|collection)" +
    "|image/(?:bmp|x-icon|vnd\\.microsoft\\.icon))(?:;|$)",
);

/** Tells whether bodies of the media type `type` shrink when compressed. */
export function isCompressible(type: string): boolean {
  return COMPRESSIBLE.test(type);
}
