import {
  checkConditions,
  rangeToHonour,
  readConditions,
} from "../../src/http/conditional.ts";
import type { Validators } from "../../src/http/conditional.ts";
import { formatHttpDate } from "../../src/http/etags.ts";
import { assertEquals } from "../../src/std/assert.ts";

const MODIFIED = Date.UTC(2026, 0, 1);
const SAME = formatHttpDate(MODIFIED);
const BEFORE = formatHttpDate(MODIFIED - 1000);
const AFTER = formatHttpDate(MODIFIED + 1000);
const STRONG: Validators = { etag: '"a"', lastModified: MODIFIED };
const WEAK: Validators = { etag: 'W/"a"', lastModified: MODIFIED };

function check(
  headers: Record<string, string>,
  validators = STRONG,
): 304 | 412 | null {
  return checkConditions(
    readConditions(Object.entries(headers)),
    validators,
  );
}

Deno.test("a request without conditions goes on", () => {
  assertEquals(check({ accept: "*/*" }), null);
});

Deno.test("if-match wants the same strong tag, or anything at all", () => {
  assertEquals(check({ "if-match": '"b", "a"' }), null);
  assertEquals(check({ "if-match": "*" }), null);
  assertEquals(check({ "if-match": '"b"' }), 412);
  assertEquals(check({ "if-match": 'W/"a"' }), 412);
  assertEquals(check({ "if-match": '"a"' }, WEAK), 412);
  assertEquals(check({ "if-match": "" }), 412);
});

Deno.test("if-unmodified-since counts only without if-match", () => {
  assertEquals(check({ "if-unmodified-since": BEFORE }), 412);
  assertEquals(check({ "if-unmodified-since": SAME }), null);
  assertEquals(check({ "if-unmodified-since": AFTER }), null);
  assertEquals(check({ "if-unmodified-since": "yesterday" }), null);
  assertEquals(
    check({ "if-match": '"a"', "if-unmodified-since": BEFORE }),
    null,
  );
});

Deno.test("if-none-match compares weakly (PAGI.md 111)", () => {
  assertEquals(check({ "if-none-match": '"a"' }), 304);
  assertEquals(check({ "if-none-match": 'W/"a"' }), 304);
  assertEquals(check({ "if-none-match": '"a"' }, WEAK), 304);
  assertEquals(check({ "if-none-match": '"x", junk, "a"' }), 304);
  assertEquals(check({ "if-none-match": "*" }), 304);
  assertEquals(check({ "if-none-match": '"b"' }), null);
});

Deno.test("if-modified-since counts only without if-none-match", () => {
  assertEquals(check({ "if-modified-since": SAME }), 304);
  assertEquals(check({ "if-modified-since": AFTER }), 304);
  assertEquals(check({ "if-modified-since": BEFORE }), null);
  assertEquals(check({ "if-modified-since": "yesterday" }), null);
  assertEquals(
    check({ "if-none-match": '"b"', "if-modified-since": SAME }),
    null,
  );
});

Deno.test("a failed if-match comes before a matching if-none-match", () => {
  assertEquals(check({ "if-none-match": '"a"', "if-match": '"b"' }), 412);
  assertEquals(
    check({ "if-none-match": '"a"', "if-unmodified-since": BEFORE }),
    412,
  );
  assertEquals(check({ "if-none-match": '"a"', "if-match": '"a"' }), 304);
});

Deno.test("dates say nothing about what has none", () => {
  const undated: Validators = { etag: '"a"', lastModified: null };
  assertEquals(check({ "if-modified-since": SAME }, undated), null);
  assertEquals(check({ "if-unmodified-since": SAME }, undated), null);
});

Deno.test("fields of the same name are one list", () => {
  const conditions = readConditions([
    ["if-none-match", '"x"'],
    ["accept", "*/*"],
    ["if-none-match", '"a"'],
  ]);
  assertEquals(checkConditions(conditions, STRONG), 304);
});

Deno.test("if-range lets only the exact strong version be continued", () => {
  const range = (ifRange: string, validators = STRONG) =>
    rangeToHonour({ range: "bytes=0-", "if-range": ifRange }, validators);
  assertEquals(range('"a"'), "bytes=0-");
  assertEquals(range(SAME), "bytes=0-");
  assertEquals(range('"b"'), null);
  assertEquals(range('W/"a"'), null);
  assertEquals(range('W/"a"', WEAK), null);
  assertEquals(range('"a"', WEAK), null);
  assertEquals(range(SAME, WEAK), null);
  assertEquals(range(AFTER), null);
  assertEquals(range(BEFORE), null);
  assertEquals(range("junk"), null);
  assertEquals(rangeToHonour({ range: "bytes=0-" }, WEAK), "bytes=0-");
  assertEquals(rangeToHonour({ "if-range": '"a"' }, STRONG), null);
});
