/** What becomes of a whole body and of its length. */

import type { HeaderList } from "../../src/pagi/types.ts";
import { removeOwnLength } from "../../src/server/payload.ts";
import { assertEquals } from "../../src/std/assert.ts";

function left(headers: HeaderList, body: string | Uint8Array): string {
  removeOwnLength(headers, body);
  return headers.map((field) => field.join(": ")).join(", ");
}

Deno.test("a content-length that is right is left to the engine, in any case and at any place", () => {
  assertEquals(
    left([["x-a", "1"], ["Content-Length", "3"], ["x-b", "2"]], "abc"),
    "x-a: 1, x-b: 2",
  );
  assertEquals(left([["content-length", "2"]], new Uint8Array(2)), "");
  assertEquals(
    left([["content-length", "5"]], "h\u00e9\u540d"),
    "content-length: 5",
  );
  assertEquals(left([["content-length", "6"]], "h\u00e9\u540d"), "");
});

Deno.test("a content-length that is wrong, or of another form, stays for the engine to see", () => {
  for (const value of ["4", "03", "3 ", "", "0x3", "3, 3"]) {
    assertEquals(
      left([["content-length", value]], "abc"),
      `content-length: ${value}`,
    );
  }
});

Deno.test("a string that is long to count keeps its content-length", () => {
  assertEquals(left([["content-length", "1024"]], "x".repeat(1024)), "");
  assertEquals(
    left([["content-length", "1025"]], "x".repeat(1025)),
    "content-length: 1025",
  );
  assertEquals(left([["content-length", "1025"]], new Uint8Array(1025)), "");
});
