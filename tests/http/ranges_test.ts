import { parseRange } from "../../src/http/conditional.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("one range is clipped to the size (RFC 9110, 14.1.2)", () => {
  assertEquals(parseRange("bytes=0-4", 10), { start: 0, end: 4 });
  assertEquals(parseRange("bytes=9-9", 10), { start: 9, end: 9 });
  assertEquals(parseRange("bytes=4-", 10), { start: 4, end: 9 });
  assertEquals(parseRange("bytes=4-10", 10), { start: 4, end: 9 });
  assertEquals(parseRange(`bytes=4-${"9".repeat(400)}`, 10), {
    start: 4,
    end: 9,
  });
  assertEquals(parseRange("BYTES=0-0", 10), { start: 0, end: 0 });
  assertEquals(parseRange("bytes= , 0-4 ,", 10), { start: 0, end: 4 });
});

Deno.test("a suffix range counts from the end", () => {
  assertEquals(parseRange("bytes=-3", 10), { start: 7, end: 9 });
  assertEquals(parseRange("bytes=-30", 10), { start: 0, end: 9 });
});

Deno.test("a range that holds no byte of the file is unsatisfiable", () => {
  for (const field of ["bytes=10-", "bytes=10-11", "bytes=-0"]) {
    assertEquals(parseRange(field, 10), "unsatisfiable", field);
  }
});

Deno.test("several ranges, other units and junk get the whole file", () => {
  for (
    const field of [
      "bytes=0-1,3-4",
      "bytes=0-1,99-",
      "lines=0-1",
      "bytes",
      "bytes=",
      "bytes=-",
      "bytes=a-b",
      "bytes=4-2",
      "bytes=1.5-2",
      "bytes=0x1-2",
      "bytes=--1",
      "bytes=1--2",
      "bytes = 0-1",
      "",
    ]
  ) assertEquals(parseRange(field, 10), null, field);
});

Deno.test("of nothing any range is all of it", () => {
  for (const field of ["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=7-"]) {
    assertEquals(parseRange(field, 0), null, field);
  }
});
