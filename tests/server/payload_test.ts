/** What becomes of a whole body and of its length. */

import type { HeaderList } from "../../src/pagi/types.ts";
import {
  announcedLength,
  lastingBytes,
  removeContentLength,
  toPayload,
} from "../../src/server/response/headers.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";

Deno.test("content-length is found in any case and at any place, and removed", () => {
  const headers: HeaderList = [["x", "1"], ["Content-Length", "3"], ["y", ""]];
  assertEquals(announcedLength(headers), 3);
  removeContentLength(headers);
  assertEquals(headers, [["x", "1"], ["y", ""]]);
  assertEquals(announcedLength(headers), null);
  removeContentLength(headers);
  assertEquals(headers.length, 2);
});

Deno.test("a content-length that is no number of bytes, or a second one, is refused", () => {
  for (const value of ["", "-1", "0x3", "3, 3", "3.0", "1e3", "9".repeat(16)]) {
    assertThrows(
      () => announcedLength([["content-length", value]]),
      TypeError,
      "content-length must be one number of bytes",
    );
  }
  assertThrows(
    () => announcedLength([["content-length", "3"], ["Content-Length", "3"]]),
    TypeError,
    'content-length "3" after content-length 3',
  );
});

Deno.test("a long string is encoded where its bytes are counted", () => {
  assertEquals(toPayload("x".repeat(1024), true), "x".repeat(1024));
  assertEquals(toPayload("x".repeat(1025), false), "x".repeat(1025));
  const encoded = toPayload("\u00e9".repeat(1025), true);
  assertEquals(encoded instanceof Uint8Array && encoded.length, 2050);
});

Deno.test("a chunk that waits for a slow client keeps no more in memory than itself", () => {
  const chunk = lastingBytes(new Uint8Array(100).fill(1));
  assertEquals(chunk, new Uint8Array(100).fill(1));
  assertEquals(chunk.buffer.byteLength, 100);
});
