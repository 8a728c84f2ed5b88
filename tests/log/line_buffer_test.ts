import { assertEquals } from "../../src/std/assert.ts";
import { LineBuffer, type LineFormat } from "../../src/log/log_file.ts";
import { appendValue } from "../../src/log/access_format.ts";

const asIs: LineFormat<string> = (text, bytes, at) =>
  appendValue(bytes, at, text);

function taken(lines: LineBuffer, partialLine = false): string {
  return new TextDecoder().decode(lines.take(partialLine));
}

Deno.test("a buffer grows with its lines, however long they are and wherever it ends", () => {
  for (const length of [1000, 131_070, 131_071, 131_072, 131_073, 1_000_000]) {
    const lines = new LineBuffer();
    const all: string[] = [];
    for (const text of ["", "a".repeat(length), "b", "c".repeat(length), ""]) {
      lines.add(asIs, text);
      all.push(text);
      assertEquals(lines.length, all.join("\n").length + 1);
    }
    assertEquals(taken(lines).split("\n"), [...all, ""]);
  }
});

Deno.test("thousands of lines that are escaped come out whole and in order", () => {
  const lines = new LineBuffer();
  const all: string[] = [];
  for (let length = 0; length < 500; length++) {
    lines.add(asIs, "\u{ffff}".repeat(length) + "x".repeat(length));
    all.push("\\uFFFF".repeat(length) + "x".repeat(length));
  }
  assertEquals(taken(lines).split("\n"), [...all, ""]);
});

Deno.test("what was taken is the taker's, also after a large batch", () => {
  const lines = new LineBuffer();
  for (const text of ["a", "b".repeat(1_000_000), "c"]) {
    lines.add(asIs, text);
    const first = lines.take(false);
    lines.add(asIs, "later");
    assertEquals(new TextDecoder().decode(first), `${text}\n`);
    assertEquals(taken(lines), "later\n");
    assertEquals(lines.length, 0);
  }
});

Deno.test("after a part of a line, the next one starts anew", () => {
  const lines = new LineBuffer();
  lines.add(asIs, "next");
  assertEquals(taken(lines, true), "\nnext\n");
  assertEquals(taken(lines, true), "\n");
});
