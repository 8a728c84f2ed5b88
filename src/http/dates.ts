/**
 * Dates in header fields (RFC 9110, section 5.6.7). Times are milliseconds
 * since 1970, as everywhere in JavaScript.
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
