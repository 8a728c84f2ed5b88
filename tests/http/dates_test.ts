import { formatHttpDate, parseHttpDate } from "../../src/http/etags.ts";
import { assertEquals } from "../../src/std/assert.ts";

const TIME = Date.UTC(1994, 10, 6, 8, 49, 37);

Deno.test("a time is written as an IMF-fixdate, without its milliseconds", () => {
  assertEquals(formatHttpDate(TIME + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
});

Deno.test("all three forms of a date are understood (RFC 9110, 5.6.7)", () => {
  assertEquals(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), TIME);
  assertEquals(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), TIME);
  assertEquals(parseHttpDate("Sun Nov  6 08:49:37 1994"), TIME);
  assertEquals(
    parseHttpDate("Wed Nov 16 08:49:37 1994"),
    Date.UTC(1994, 10, 16, 8, 49, 37),
  );
});

Deno.test("a two-digit year is at most 50 years ahead", () => {
  const now = Date.UTC(2026, 0, 1);
  const yearOf = (digits: string) =>
    new Date(parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now)!)
      .getUTCFullYear();
  assertEquals(["00", "26", "76", "77", "99"].map(yearOf), [
    2000,
    2026,
    2076,
    1977,
    1999,
  ]);
});

Deno.test("a leap second is the second after it", () => {
  assertEquals(
    parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT"),
    Date.UTC(2017, 0, 1),
  );
});

Deno.test("what is no date in one of the three forms is null", () => {
  for (
    const text of [
      "",
      "now",
      "0",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Thu, 30 Feb 2023 00:00:00 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 nov 1994 08:49:37 GMT",
      " Sun, 06 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 GMT\n",
    ]
  ) assertEquals(parseHttpDate(text), null, JSON.stringify(text));
});
