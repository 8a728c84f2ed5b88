/** Validators: dates and entity tags (RFC 9110, 5.6.7 and 8.8). */

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
 * Parses a date in any of its three forms; null for anything else, such as a
 * day that does not exist. A two-digit year is at most 50 years after `now`.
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
 * Milliseconds within which two changes may get the same time: a tick of the
 * kernel's clock, or the 2 seconds of FAT if the time is in whole seconds.
 */
function resolutionOf(time: number): number {
  return time % 1000 === 0 ? 2000 : 20;
}

/**
 * Earlier times are not those of a change: 0 and 1 (Nix), and the first day of
 * ZIP archives in any time zone, which Gradle sets to the 1st of February.
 */
const MIN_TIME = Date.UTC(1980, 1, 3);
/** Times that `npm pack` and `cargo package` set. */
const REPRODUCIBLE_TIMES = new Set([
  Date.UTC(1985, 9, 26, 8, 15),
  Date.UTC(2006, 6, 24, 1, 21, 28),
]);

/**
 * Whether `time` (milliseconds, or null if unknown) may be that of a
 * change: it is not in the future, and not set by a reproducible build.
 */
export function isTelling(time: number | null, now: number): time is number {
  return time !== null && time >= MIN_TIME && time <= now &&
    !REPRODUCIBLE_TIMES.has(time);
}

/**
 * Whether changes from `now` on get another time than `time`, that of an
 * earlier change (milliseconds). False unless `time` {@linkcode isTelling}.
 */
export function isSettled(time: number, now: number): boolean {
  return isTelling(time, now) && now - time > resolutionOf(time);
}

/**
 * The tag of a file with `size` bytes and the modification time `mtime`
 * (milliseconds, or null if unknown). It is weak until the time
 * {@linkcode isSettled}; the part in quotes stays the same.
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
 * The tag of a file whose mtime is not {@linkcode isTelling}: by its ctime,
 * which no tool can set, and its inode, as another file may have the same.
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

/** The tag of a file by the digest of its content, which is strong. */
export function contentTag(digest: string): string {
  return `"${digest}"`;
}

/** `tag` for another coding such as `gzip` (RFC 9110, 8.8.3.3). */
export function codedTag(tag: string, coding: string): string {
  return `${tag.slice(0, -1)}-${coding}"`;
}

/** The weak form of `tag`. */
export function weakened(tag: string): string {
  return isWeak(tag) ? tag : `W/${tag}`;
}

/** Whether `tag` is weak. */
export function isWeak(tag: string): boolean {
  return tag.startsWith("W/");
}

/** Strong comparison (RFC 9110, 8.8.3.2): both strong and equal. */
export function equalStrongly(a: string, b: string): boolean {
  return a === b && !isWeak(a);
}

/** Weak comparison: equal, weak or not. */
export function equalWeakly(a: string, b: string): boolean {
  return a === b || weakened(a) === weakened(b);
}

const TAGS = /(?<![^\s,])(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?![^\s,])/g;

/** The tags of `if-match` or `if-none-match`, or `"*"`; others are ignored. */
export function parseTags(field: string): string[] | "*" {
  return field.trim() === "*" ? "*" : field.match(TAGS) ?? [];
}
