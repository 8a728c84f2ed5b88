import {
  codedTag,
  contentTag,
  equalStrongly,
  equalWeakly,
  fileTag,
  isWeak,
  parseTags,
  weakened,
} from "../../src/http/etags.ts";
import { assert, assertEquals, assertNotEquals } from "../../src/std/assert.ts";

const MTIME = Date.UTC(2026, 0, 1, 12, 0, 0, 123);
const LATER = MTIME + 60_000;

Deno.test("a file's tag changes with its size and its time, and is strong", () => {
  const tag = fileTag(5, MTIME, LATER);
  assert(/^"[0-9a-f-]+"$/.test(tag), tag);
  assertEquals(fileTag(5, MTIME, LATER + 1), tag);
  assertNotEquals(fileTag(6, MTIME, LATER), tag);
  assertNotEquals(fileTag(5, MTIME + 1, LATER), tag);
});

Deno.test("a file's tag is weak while another write could leave the same time", () => {
  const settled = fileTag(5, MTIME, LATER);
  const fresh = fileTag(5, MTIME, MTIME + 5);
  assert(isWeak(fresh));
  assert(equalWeakly(fresh, settled));
  assert(!isWeak(fileTag(5, MTIME, MTIME + 21)));
  const wholeSecond = MTIME - 123;
  assert(isWeak(fileTag(5, wholeSecond, wholeSecond + 1999)));
  assert(!isWeak(fileTag(5, wholeSecond, wholeSecond + 2001)));
});

Deno.test("a file's tag is weak when its time means nothing", () => {
  assert(isWeak(fileTag(5, null, LATER)));
  assert(isWeak(fileTag(5, 0, LATER)));
  assert(isWeak(fileTag(5, -1000, LATER)));
  assert(isWeak(fileTag(5, LATER + 1000, LATER)));
});

Deno.test("tags compare strongly and weakly (RFC 9110, 8.8.3.2)", () => {
  assert(!equalStrongly('W/"1"', 'W/"1"') && equalWeakly('W/"1"', 'W/"1"'));
  assert(!equalStrongly('W/"1"', 'W/"2"') && !equalWeakly('W/"1"', 'W/"2"'));
  assert(!equalStrongly('W/"1"', '"1"') && equalWeakly('W/"1"', '"1"'));
  assert(equalStrongly('"1"', '"1"') && equalWeakly('"1"', '"1"'));
});

Deno.test("a list of tags is read, and what is no tag passed over", () => {
  assertEquals(parseTags('"a"'), ['"a"']);
  assertEquals(parseTags('"a", W/"b","c,d" ,, ""'), [
    '"a"',
    'W/"b"',
    '"c,d"',
    '""',
  ]);
  assertEquals(parseTags(" * "), "*");
  assertEquals(parseTags('junk, "a", b"c", w/"d", "e'), ['"a"']);
  assertEquals(parseTags('*, "a"'), ['"a"']);
  assertEquals(parseTags("unquoted"), []);
  assertEquals(parseTags(""), []);
});

Deno.test("a coding makes another tag, as strong as the one it is made of", () => {
  assertEquals(codedTag('"x"', "br"), '"x-br"');
  assertEquals(codedTag('W/"x"', "gzip"), 'W/"x-gzip"');
  assertEquals(weakened('"x"'), 'W/"x"');
  assertEquals(weakened('W/"x"'), 'W/"x"');
  assertEquals(contentTag("x"), '"x"');
});
