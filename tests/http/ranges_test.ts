import { parseRanges } from "../../src/http/conditional.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("one range is clipped to the size (RFC 9110, 14.1.2)", () => {
  assertEquals(parseRanges("bytes=0-4", 10), [{ start: 0, end: 4 }]);
  assertEquals(parseRanges("bytes=9-9", 10), [{ start: 9, end: 9 }]);
  assertEquals(parseRanges("bytes=4-", 10), [{ start: 4, end: 9 }]);
  assertEquals(parseRanges("bytes=4-10", 10), [{ start: 4, end: 9 }]);
  assertEquals(parseRanges(`bytes=4-${"9".repeat(400)}`, 10), [{
    start: 4,
    end: 9,
  }]);
  assertEquals(parseRanges("BYTES=0-0", 10), [{ start: 0, end: 0 }]);
  assertEquals(parseRanges("bytes= , 0-4 ,", 10), [{ start: 0, end: 4 }]);
});

Deno.test("a suffix range counts from the end", () => {
  assertEquals(parseRanges("bytes=-3", 10), [{ start: 7, end: 9 }]);
  assertEquals(parseRanges("bytes=-30", 10), [{ start: 0, end: 9 }]);
});

Deno.test("a range that holds no byte of the file is unsatisfiable", () => {
  for (const field of ["bytes=10-", "bytes=10-11", "bytes=-0"]) {
    assertEquals(parseRanges(field, 10), "unsatisfiable", field);
  }
});

Deno.test("several ranges are given in the order of the request (RFC 9110, 14.2)", () => {
  const of = (specs: string, size = 10_000) =>
    parseRanges(`bytes=${specs}`, size);
  const [first, last] = [{ start: 0, end: 1 }, { start: 9998, end: 9999 }];
  assertEquals(of("0-1,9998-"), [first, last]);
  assertEquals(of("-2 , 0-1"), [last, first]);
  // What holds no byte is left out.
  assertEquals(of("0-1,10000-,-0"), [first]);
  assertEquals(of("10000-,-0"), "unsatisfiable");
});

Deno.test("ranges that overlap or nearly touch become one", () => {
  const of = (specs: string) => parseRanges(`bytes=${specs}`, 10_000);
  assertEquals(of("0-9,5-20"), [{ start: 0, end: 20 }]);
  assertEquals(of("0-9,10-20"), [{ start: 0, end: 20 }]);
  assertEquals(of("0-9,60-99"), [{ start: 0, end: 99 }]);
  assertEquals(of("0-9,900-999,5-905"), [{ start: 0, end: 999 }]);
  assertEquals(of(Array(32).fill("0-").join()), [{ start: 0, end: 9999 }]);
});

Deno.test("more ranges than a person needs get the whole file", () => {
  const many = Array.from({ length: 33 }, (_, i) => `${i * 200}-${i * 200}`);
  assertEquals(parseRanges(`bytes=${many.slice(1)}`, 10_000)?.length, 32);
  assertEquals(parseRanges(`bytes=${many}`, 10_000), null);
  assertEquals(parseRanges(`bytes=${"0-0,".repeat(9999)}`, 10_000), null);
});

Deno.test("other units and junk get the whole file", () => {
  for (
    const field of [
      "bytes=0-1,x",
      "bytes=0-1,4-2",
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
  ) assertEquals(parseRanges(field, 10), null, field);
});

Deno.test("of nothing any range is all of it", () => {
  for (const field of ["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=7-"]) {
    assertEquals(parseRanges(field, 0), null, field);
  }
});
