/**
 * Tables of events, for the tests of what each scope takes.
 *
 * @module
 */

import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";

/** An event of some type, with any fields. */
export type Sent = Record<string, unknown>;

/** Values that are neither a string nor absent. */
export const NOT_STRINGS: readonly unknown[] = [
  0,
  1n,
  true,
  Symbol("s"),
  [],
  {},
  new Date(0),
  new Uint8Array(1),
  () => "x",
];

/** Values that are neither bytes, nor a string, nor absent. */
export const NOT_BYTES: readonly unknown[] = [
  0,
  1n,
  false,
  {},
  [104, 105],
  new ArrayBuffer(2),
  new DataView(new ArrayBuffer(2)),
  new Uint16Array(2),
  Promise.resolve("x"),
  new Blob(["x"]),
  () => "x",
];

/** Values that are no flag and not absent. */
export const NOT_FLAGS: readonly unknown[] = [
  2,
  -1,
  0.5,
  NaN,
  1n,
  "0",
  "1",
  "",
  "true",
  {},
  [],
  () => 1,
];

/** Values that are no count and not absent. */
export const NOT_COUNTS: readonly unknown[] = [
  -1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  5n,
  "5",
  "",
  true,
  {},
  [5],
  new Date(0),
];

/** Values that are no number of seconds and not absent. */
export const NOT_SECONDS: readonly unknown[] = [
  -0.001,
  NaN,
  Infinity,
  5n,
  "5",
  "",
  true,
  {},
  [],
];

/** Values that are no status. */
export const NOT_STATUSES: readonly unknown[] = [
  0,
  99,
  100,
  101,
  199,
  600,
  1000,
  -200,
  200.5,
  NaN,
  Infinity,
  200n,
  "200",
  "",
  true,
  {},
  [200],
];

/** Header lists that must be refused, with what the message must name. */
export const BAD_HEADERS: readonly [headers: unknown, named: string][] = [
  ["content-type: text/html", "headers"],
  [{ "content-type": "text/html" }, "headers"],
  [new Headers({ a: "b" }), "headers"],
  [new Map([["a", "b"]]), "headers"],
  [1, "headers"],
  [["content-type", "text/html"], "headers[0]"],
  [[["a", "b"], null], "headers[1]"],
  [[["a", "b"], undefined], "headers[1]"],
  [[["a"]], "headers[0]"],
  [[["a", "b", "c"]], "headers[0]"],
  [[[]], "headers[0]"],
  [[{ 0: "a", 1: "b", length: 2 }], "headers[0]"],
  [new Array(1), "headers[0]"],
  [[["", "b"]], "headers[0]"],
  [[["a b", "c"]], "headers[0]"],
  [[["a:", "c"]], "headers[0]"],
  [[[":status", "200"]], "headers[0]"],
  [[["a\r\nx", "c"]], "headers[0]"],
  [[["a\n", "c"]], "headers[0]"],
  [[["a\0", "c"]], "headers[0]"],
  [[["a\t", "c"]], "headers[0]"],
  [[["a\x7f", "c"]], "headers[0]"],
  [[["é", "c"]], "headers[0]"],
  [[["名", "c"]], "headers[0]"],
  [[[1, "c"]], "headers[0]"],
  [[[null, "c"]], "headers[0]"],
  [[["a", 1]], "headers[0]"],
  [[["a", null]], "headers[0]"],
  [[["a", undefined]], "headers[0]"],
  [[["a", ["b"]]], "headers[0]"],
  [[["a", "x\r\nset-cookie: y=1"]], "headers[0]"],
  [[["a", "x\r"]], "headers[0]"],
  [[["a", "x\n"]], "headers[0]"],
  [[["a", "\0"]], "headers[0]"],
  [[["a", "\x01"]], "headers[0]"],
  [[["a", "\x1b[31m"]], "headers[0]"],
  [[["a", "\x7f"]], "headers[0]"],
  [[["a", "\u0100"]], "headers[0]"],
  [[["a", "名"]], "headers[0]"],
  [[["a", "😀"]], "headers[0]"],
  [[["a", "\u2028"]], "headers[0]"],
];

/** Header lists that are fine. */
export const GOOD_HEADERS: readonly unknown[] = [
  undefined,
  null,
  [],
  [["content-type", "text/html; charset=utf-8"], ["Set-Cookie", "a=1"], [
    "Set-Cookie",
    "b=2",
  ]],
  [["!#$%&'*+-.^_`|~09AZaz", ""]],
  [["a", "\t x \t"], ["b", "\x80\xa0\xff"], ["c", "~ \"'\\"]],
];

/** Asserts that every event passes `check` and is left as it was. */
export function assertTaken(
  check: (event: unknown) => void,
  events: readonly Sent[],
): void {
  for (const event of events) check(Object.freeze(event));
}

/**
 * Asserts that `check` refuses `base` with `field` set to each of the values,
 * in a sentence that names the event, the field and where the rule stands.
 */
export function assertFieldRefused(
  check: (event: unknown) => void,
  base: Sent,
  field: string,
  values: readonly unknown[],
): void {
  for (const value of values) {
    assertSentence(
      assertThrows(() => check({ ...base, [field]: value }), TypeError).message,
      `${base.type} was sent`,
      field,
    );
  }
}

/** Asserts that `check` refuses `base` with each of {@linkcode BAD_HEADERS}. */
export function assertHeadersChecked(
  check: (event: unknown) => void,
  base: Sent,
): void {
  for (const headers of GOOD_HEADERS) check({ ...base, headers });
  for (const [headers, named] of BAD_HEADERS) {
    assertSentence(
      assertThrows(() => check({ ...base, headers }), TypeError).message,
      `${base.type} was sent`,
      named,
    );
  }
}

/** Asserts that `check` takes no event of a type that is not its own. */
export function assertForeignRefused(
  check: (event: unknown) => void,
  scope: string,
  types: readonly unknown[],
): void {
  for (const type of [...types, ...NO_TYPES]) {
    assertSentence(
      assertThrows(() => check({ type, status: 200, data: "" }), TypeError)
        .message,
      "An event ",
      `scope of type ${scope}, which takes `,
    );
  }
  for (const event of [undefined, null, "http.response.start", 1, () => 1]) {
    assertSentence(
      assertThrows(() => check(event), TypeError).message,
      "send was given ",
      "must be an object",
    );
  }
}

const NO_TYPES: readonly unknown[] = [
  undefined,
  null,
  "",
  1,
  {},
  ["http.fullflush"],
  "constructor",
  "__proto__",
  "toString",
  "HTTP.RESPONSE.START",
  "http.response.start ",
  "x".repeat(10_000),
  "\x1b[31m\r\n",
];

function assertSentence(message: string, start: string, named: string): void {
  assertEquals(message.slice(0, start.length), start);
  assertStringIncludes(message, named);
  assertMatch(message, /^[ -~]{1,500} \((PAGI\.md|RFC \d+,) [^)]+\)\.$/);
}
