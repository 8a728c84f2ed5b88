import {
  decodePath,
  encodeSegment,
  splitTarget,
} from "../../src/http/target.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("a target is split at its first question mark (PAGI.md 15)", () => {
  assertEquals(splitTarget("/a%20b?x=?&y"), {
    rawPath: "/a%20b",
    queryString: "x=?&y",
  });
  assertEquals(splitTarget("/a"), { rawPath: "/a", queryString: "" });
  assertEquals(splitTarget("/a?"), { rawPath: "/a", queryString: "" });
});

Deno.test("a path is decoded as UTF-8 (PAGI.md 13)", () => {
  assertEquals(decodePath("/caf%C3%A9"), "/café");
  assertEquals(decodePath("/caf%c3%a9/%F0%9F%98%80"), "/café/😀");
  assertEquals(decodePath("/caf\xc3\xa9"), "/café");
  assertEquals(decodePath("/%2e%2E%2f%5C%00"), "/../\\\0");
  assertEquals(decodePath("/plain/path.txt"), "/plain/path.txt");
});

Deno.test("a path that is not UTF-8 keeps its bytes (PAGI.md 14)", () => {
  assertEquals(decodePath("/%FF"), "/\xff");
  assertEquals(decodePath("/%C3%A9%FF"), "/\xc3\xa9\xff");
  // Overlong, a surrogate, and beyond Unicode: none of it is UTF-8.
  assertEquals(decodePath("/%C0%AE"), "/\xc0\xae");
  assertEquals(decodePath("/%ED%A0%80"), "/\xed\xa0\x80");
  assertEquals(decodePath("/%F4%90%80%80"), "/\xf4\x90\x80\x80");
});

Deno.test("malformed escapes, plus signs and byte order marks are left alone", () => {
  assertEquals(decodePath("/100%"), "/100%");
  assertEquals(decodePath("/%zz%4"), "/%zz%4");
  assertEquals(decodePath("/a+b%20c"), "/a+b c");
  assertEquals(decodePath("/%EF%BB%BFx"), "/\ufeffx");
  assertEquals(decodePath("/%252e%252e"), "/%2e%2e");
});

Deno.test("characters that are no bytes never turn into dots", () => {
  assertEquals(decodePath("/\u012e\u012e/%2e"), "/\u012e\u012e/%2e");
});

Deno.test("an encoded segment decodes to itself and has no character of its own", () => {
  for (
    const name of [
      "a b",
      "%20",
      "?#&=+;:@",
      "é😀",
      "\"'<>",
      "\\",
      "\n\0",
      "javascript:x",
    ]
  ) {
    const encoded = encodeSegment(name);
    assertEquals(decodePath(encoded), name);
    assertEquals(/[^A-Za-z0-9%._~!()*-]/.test(encoded), false, encoded);
  }
  assertEquals(encodeSegment("\ud800"), "%EF%BF%BD");
});
