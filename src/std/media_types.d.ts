/** What the server uses of `@std/media-types`. */

/**
 * The value of `content-type` for a file extension (with or without its dot)
 * or a media type, with a charset where there is one; undefined if unknown.
 */
export function contentType(extensionOrType: string): string | undefined;
