import { assertEquals } from "../../src/std/assert.ts";
import { LineBuffer } from "../../src/log/line_buffer.ts";

const encoder = new TextEncoder();

function taken(lines: LineBuffer, torn = false): string {
  return new TextDecoder().decode(lines.take(torn));
}

Deno.test("values are escaped, literals stand as they are", () => {
  const lines = new LineBuffer();
  lines.literal(encoder.encode('"é\\'));
  lines.value('"\\\n\x7f\xe9\u540d ~');
  lines.end();
  assertEquals(taken(lines), '"é\\\\x22\\x5C\\x0A\\x7F\\xE9\\u540D ~\n');
});

Deno.test("integers stand in decimal, with zeros before them where asked for", () => {
  const lines = new LineBuffer();
  for (const value of [0, 9, 10, 99, 100, 999, 1000, 2 ** 31, 2 ** 53 - 1]) {
    lines.number(value);
    lines.value(" ");
  }
  for (const value of [0, 7, 42, 999, 1000]) {
    lines.number(value, 3);
    lines.value(" ");
  }
  assertEquals(
    taken(lines),
    "0 9 10 99 100 999 1000 2147483648 9007199254740991 000 007 042 999 1000 ",
  );
});

Deno.test("a buffer grows with what is put in, even where each unit is escaped", () => {
  const lines = new LineBuffer();
  const all: string[] = [];
  for (let length = 0; length < 300; length++) {
    lines.value("\u{ffff}".repeat(length));
    lines.literal(encoder.encode("x".repeat(length)));
    lines.end();
    all.push("\\uFFFF".repeat(length) + "x".repeat(length));
  }
  assertEquals(lines.length, 7 * (300 * 299) / 2 + 300);
  assertEquals(taken(lines).split("\n"), [...all, ""]);
});

Deno.test("what was taken is the taker's, also after a large batch", () => {
  const lines = new LineBuffer();
  for (const text of ["a", "b".repeat(1_000_000), "c"]) {
    lines.value(text);
    const first = lines.take(false);
    lines.value("later");
    assertEquals(new TextDecoder().decode(first), text);
    assertEquals(taken(lines), "later");
    assertEquals(lines.length, 0);
  }
});

Deno.test("after a part of a line, the next one starts anew", () => {
  const lines = new LineBuffer();
  lines.value("next");
  assertEquals(taken(lines, true), "\nnext");
  assertEquals(taken(lines, true), "\n");
});
