/**
 * Validators: dates and entity tags (RFC 9110, 5.6.7 and 8.8).
 *
 * @module
 */

/** `time` as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`. */
export function formatHttpDate(time: number): string {
  return new Date(time).toUTCString();
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME =
  "(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)";
const FORMS = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT`,
  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  `(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT`,
  // asctime: Sun Nov  6 08:49:37 1994
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/**
 * Reads a date in any of its three forms. A two-digit year that seems more
 * than 50 years after `now` is the one a century before. Returns null for
 * anything else, days that do not exist included.
 */
export function parseHttpDate(
  text: string,
  now: number = Date.now(),
): number | null {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    let year = Number(parts.year);
    if (parts.year.length === 2) {
      const thisYear = new Date(now).getUTCFullYear();
      year += thisYear - thisYear % 100;
      if (year > thisYear + 50) year -= 100;
    }
    const day = Number(parts.day);
    const date = new Date(0);
    date.setUTCFullYear(year, MONTHS.indexOf(parts.month), day);
    if (date.getUTCDate() !== day) return null;
    return date.setUTCHours(
      Number(parts.hour),
      Number(parts.minute),
      Number(parts.second),
    );
  }
  return null;
}

/**
 * How long two changes may leave the same time, in milliseconds:
 * one tick of the kernel's clock, or the 2 seconds of FAT where the time gives
 * no reason to believe that the file system knows more than seconds.
 */
function grainOf(time: number): number {
  return time % 1000 === 0 ? 2000 : 20;
}

/**
 * Times that say nothing of a change: before the day on which the clocks of
 * ZIP archives begin, in any zone, and with a month's room for tools that take
 * the first of February (Gradle); 0 and 1 are what Nix and others set.
 */
const FIRST_TIME = Date.UTC(1980, 1, 3);
/** What `npm pack` and `cargo package` give to each file. */
const STAMPED = new Set([
  Date.UTC(1985, 9, 26, 8, 15),
  Date.UTC(2006, 6, 24, 1, 21, 28),
]);

/**
 * Tells whether `time` (milliseconds, or null when unknown) may be that of a
 * change: reproducible builds set others, and the future is none.
 */
export function isTelling(time: number | null, now: number): time is number {
  return time !== null && time >= FIRST_TIME && time <= now &&
    !STAMPED.has(time);
}

/**
 * Tells whether a change at the time `now` or later leaves another time than
 * `time`, which a file system gave to an earlier change (milliseconds). A time
 * that is not {@linkcode isTelling} is never settled.
 */
export function isSettled(time: number, now: number): boolean {
  return isTelling(time, now) && now - time > grainOf(time);
}

/**
 * The tag of a file with `size` bytes and the modification time `mtime`
 * (milliseconds, or null when unknown), looked at at the time `now`.
 *
 * It is weak while another write could leave the same modification time, and
 * when the time is not {@linkcode isTelling}; the part in quotes stays the same
 * when it becomes strong.
 */
export function fileTag(
  size: number,
  mtime: number | null,
  now: number,
): string {
  const tag = `"${size.toString(16)}-${(mtime ?? 0).toString(16)}"`;
  return mtime !== null && isSettled(mtime, now) ? tag : `W/${tag}`;
}

/**
 * The tag of a file whose modification time is not {@linkcode isTelling}: by
 * the time at which the system last changed it, which no tool can set, and by
 * its number, as it may be another file. Other parameters as for
 * {@linkcode fileTag}.
 */
export function changeTag(
  size: number,
  ino: number,
  ctime: number,
  now: number,
): string {
  const tag = fileTag(size, ctime, now);
  return `${tag.slice(0, -1)}-${ino.toString(16)}"`;
}

/**
 * The tag of a file by the digest of its content: strong, whatever its
 * modification time is.
 */
export function contentTag(digest: string): string {
  return `"${digest}"`;
}

/**
 * The tag of what `tag` names in another coding, such as `gzip` (RFC 9110,
 * 8.8.3.3): as strong as `tag` itself.
 */
export function codedTag(tag: string, coding: string): string {
  return `${tag.slice(0, -1)}-${coding}"`;
}

/** The weak form of `tag`. */
export function weakened(tag: string): string {
  return isWeak(tag) ? tag : `W/${tag}`;
}

/** Tells whether `tag` is weak. */
export function isWeak(tag: string): boolean {
  return tag.startsWith("W/");
}

/** Strong comparison: both strong and equal. */
export function equalStrongly(a: string, b: string): boolean {
  return a === b && !isWeak(a);
}

/** Weak comparison: equal but for weakness. */
export function equalWeakly(a: string, b: string): boolean {
  return opaque(a) === opaque(b);
}

function opaque(tag: string): string {
  return isWeak(tag) ? tag.slice(2) : tag;
}

const TAGS = /(?<![^\s,])(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?![^\s,])/g;

/**
 * The tags of an `if-match` or `if-none-match` field, or `"*"`. What is no tag
 * is passed over.
 */
export function parseTags(field: string): string[] | "*" {
  return field.trim() === "*" ? "*" : field.match(TAGS) ?? [];
}
