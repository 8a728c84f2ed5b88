import {
  changeTag,
  codedTag,
  contentTag,
  equalStrongly,
  equalWeakly,
  fileTag,
  isSettled,
  isTelling,
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

Deno.test("times that tools set for every file tell nothing", () => {
  const stamps = [
    -1000,
    0,
    1000,
    Date.UTC(1980, 0, 1),
    Date.UTC(1980, 1, 1),
    Date.UTC(1985, 9, 26, 8, 15),
    Date.UTC(2006, 6, 24, 1, 21, 28),
    LATER + 1,
    NaN,
  ];
  for (const time of stamps) {
    assert(!isTelling(time, LATER), `${time}`);
    assert(!isSettled(time, LATER), `${time}`);
  }
  assert(!isTelling(null, LATER));
  for (const time of [MTIME, LATER, 1e12, Date.UTC(1990, 0, 1)]) {
    assert(isTelling(time, LATER));
  }
});

Deno.test("a tag by the time of change tells files at one place apart", () => {
  const tag = changeTag(5, 77, MTIME, LATER);
  assert(!isWeak(tag));
  assertNotEquals(changeTag(5, 78, MTIME, LATER), tag);
  assertNotEquals(changeTag(5, 77, MTIME + 1, LATER), tag);
  assertNotEquals(changeTag(6, 77, MTIME, LATER), tag);
  assert(isWeak(changeTag(5, 77, MTIME, MTIME + 5)));
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
