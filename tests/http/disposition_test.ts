import { attachment, isSafeFieldValue } from "../../src/http/headers.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";
import { HOSTILE_NAMES } from "../helpers/hostile_tree.ts";

Deno.test("a name in ASCII stands as it is", () => {
  assertEquals(attachment("a b.zip"), 'attachment; filename="a b.zip"');
});

Deno.test("other names stand twice: in ASCII, and as they are (RFC 6266)", () => {
  assertEquals(
    attachment("café (1).zip"),
    "attachment; filename=\"caf_ (1).zip\"; filename*=UTF-8''caf%C3%A9%20%281%29.zip",
  );
  assertEquals(
    attachment('"\\.zip'),
    `attachment; filename="__.zip"; filename*=UTF-8''%22%5C.zip`,
  );
});

Deno.test("no name can break out of the field", () => {
  for (const name of [...HOSTILE_NAMES, "a\r\nx: y", "\ud800", '";x="']) {
    const value = attachment(name);
    assert(isSafeFieldValue(value), value);
    assertEquals(value.match(/"/g)?.length, 2);
  }
});
