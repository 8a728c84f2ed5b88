import { assertEquals } from "../../src/std/assert.ts";
import {
  appendBytes,
  appendLiteral,
  appendNumber,
  appendValue,
} from "../../src/log/access_format.ts";

/** What `write` puts behind a first byte; the result must be its end. */
function written(
  write: (bytes: Uint8Array, at: number) => number,
  size = 1000,
): string {
  const bytes = new Uint8Array(size);
  bytes[0] = 0x5b;
  const end = write(bytes, 1);
  return new TextDecoder().decode(bytes.subarray(0, end));
}

Deno.test("values are escaped, literals stand as they are", () => {
  const literal = new TextEncoder().encode('"é\\');
  for (const append of [appendLiteral, appendBytes]) {
    assertEquals(
      written((bytes, at) => append(bytes, at, literal)),
      '["é\\',
    );
  }
  assertEquals(
    written((bytes, at) => appendValue(bytes, at, '"\\\n\x7f\xe9\u540d ~')),
    "[\\x22\\x5C\\x0A\\x7F\\xE9\\u540D ~",
  );
  assertEquals(written((bytes, at) => appendValue(bytes, at, "")), "[");
});

Deno.test("integers stand in decimal, with zeros before them where asked for", () => {
  for (const value of [0, 9, 10, 99, 100, 999, 1000, 2 ** 31, 2 ** 53 - 1]) {
    assertEquals(
      written((bytes, at) => appendNumber(bytes, at, value)),
      `[${value}`,
    );
    assertEquals(
      written((bytes, at) => appendNumber(bytes, at, value, 3)),
      `[${String(value).padStart(3, "0")}`,
    );
  }
});

Deno.test("what does not fit is counted, and writes nothing elsewhere", () => {
  const text = "\u{ffff}x".repeat(10);
  const bytes = new Uint8Array(64).fill(0x2e);
  const small = bytes.subarray(8, 16);
  assertEquals(appendValue(small, 6, text), 6 + 70);
  assertEquals(appendNumber(small, 5, 123456), 11);
  assertEquals(appendLiteral(small, 7, bytes.slice()), 71);
  assertEquals(appendBytes(small, 7, bytes.slice()), 71);
  assertEquals(appendBytes(small, 8, bytes.slice(0, 1)), 9);
  assertEquals(appendValue(small, 100, "x"), 101);
  const around = new TextDecoder().decode(bytes).replace(/^.{8}(.{8})/, "$1|");
  assertEquals(around, ".....12.|" + ".".repeat(48));
});
