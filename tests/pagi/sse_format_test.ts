import { assertEquals } from "../../src/std/assert.ts";
import { formatSseComment, formatSseEvent } from "../../src/pagi/sse_events.ts";

function event(fields: {
  data: string;
  event?: string;
  id?: string;
  retry?: number;
}): string {
  return formatSseEvent({ type: "sse.send", ...fields });
}

Deno.test("each line of data becomes one data line (PAGI.md 50)", () => {
  const cases: [data: string, lines: string[]][] = [
    ["x", ["x"]],
    ["a\nb", ["a", "b"]],
    ["a\rb", ["a", "b"]],
    ["a\r\nb", ["a", "b"]],
    ["a\n\rb", ["a", "", "b"]],
    ["a\r\r\nb\n\nc", ["a", "", "b", "", "c"]],
    ["a\n", ["a", ""]],
    ["\r\n", ["", ""]],
    ["  a ", ["  a "]],
    ["data: x\nid: 7\n\nevent: y", ["data: x", "id: 7", "", "event: y"]],
    ["a\u2028b\u0085c\vd", ["a\u2028b\u0085c\vd"]],
  ];
  for (const [data, lines] of cases) {
    assertEquals(
      event({ data }),
      lines.map((line) => `data: ${line}\n`).join("") + "\n",
    );
  }
});

Deno.test("empty data still yields one data line (PAGI.md 50)", () => {
  assertEquals(event({ data: "" }), "data: \n\n");
});

Deno.test("the order is event, data, id, retry (PAGI.md 51)", () => {
  assertEquals(
    event({ retry: 1500, id: "42", data: "a\nb", event: "tick" }),
    "event: tick\ndata: a\ndata: b\nid: 42\nretry: 1500\n\n",
  );
});

Deno.test("an empty event or id is left out, a retry of 0 is not (PAGI.md 51)", () => {
  assertEquals(
    event({ data: "x", event: "", id: "", retry: 0 }),
    "data: x\nretry: 0\n\n",
  );
});

Deno.test("absent fields may be null too", () => {
  const fields = { data: "x", event: null, id: null, retry: null };
  assertEquals(event(fields as unknown as { data: string }), "data: x\n\n");
});

Deno.test("the longest retry is written in digits", () => {
  assertEquals(
    event({ data: "", retry: Number.MAX_SAFE_INTEGER }),
    "data: \nretry: 9007199254740991\n\n",
  );
});

Deno.test("a comment line gains one colon only if it lacks one (PAGI.md 54)", () => {
  const cases: [comment: string, text: string][] = [
    ["ping", ":ping\n\n"],
    [" ping", ": ping\n\n"],
    [":ping", ":ping\n\n"],
    ["::ping", "::ping\n\n"],
    ["", ":\n\n"],
    ["a\n:b\r\nc\r:d", ":a\n:b\n:c\n:d\n\n"],
    ["a\n\ndata: x", ":a\n:\n:data: x\n\n"],
    ["a\n", ":a\n:\n\n"],
  ];
  for (const [comment, text] of cases) {
    assertEquals(formatSseComment(comment), text);
  }
});
