/**
 * What to do with a body (RFC 6266).
 *
 * @module
 */

/**
 * The value of `content-disposition` that has a body saved as `name`: with its
 * true name as RFC 8187 writes it, and one in ASCII for those who cannot read
 * that.
 */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_");
  const exact = encodeURIComponent(name.toWellFormed())
    .replace(
      /['()*]/g,
      (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  return plain === name
    ? `attachment; filename="${plain}"`
    : `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
