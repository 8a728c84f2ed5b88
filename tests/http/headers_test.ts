import {
  byteLength,
  fieldValue,
  isSafeFieldValue,
  isToken,
} from "../../src/http/headers.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

Deno.test("a field name is a token: not empty, no space, colon or control character", () => {
  for (const name of ["x", "X-Frame-Options", "a!#$%&'*+-.^_`|~1"]) {
    assert(isToken(name), name);
  }
  for (const name of ["", "a b", "a:", "a\n", "a\0", "é", "a(b)"]) {
    assert(!isToken(name), JSON.stringify(name));
  }
});

Deno.test("a field value has no control character but the tab, and none above 0xFF (PAGI.md 8)", () => {
  for (const value of ["", "text", "tab\there", "caf\xe9", "\xff"]) {
    assert(isSafeFieldValue(value), JSON.stringify(value));
  }
  for (
    const value of ["a\rb", "a\nb", "a\0b", "\x01", "\x7f", "\u0100", "😀"]
  ) {
    assert(!isSafeFieldValue(value), JSON.stringify(value));
  }
});

Deno.test("the first value of a field is found in any case of its name", () => {
  const fields = [["X-One", "1"], ["accept", "a"], ["accept", "b"]] as const;
  assertEquals(fieldValue(fields, "x-one"), "1");
  assertEquals(fieldValue(fields, "accept"), "a");
  assertEquals(fieldValue(fields, "missing"), null);
});

Deno.test("the bytes of a text are those of UTF-8, also of the same text again and of one as long", () => {
  const texts = ["", "abc", "äbc", "a€c", "😀", "\ud800a", "x".repeat(70_000)];
  for (const text of [...texts, "é".repeat(200), "e".repeat(200)]) {
    const bytes = new TextEncoder().encode(text).length;
    assertEquals([byteLength(text), byteLength(text)], [bytes, bytes]);
  }
});
