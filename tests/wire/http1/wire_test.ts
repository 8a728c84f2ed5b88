/**
 * HTTP/1.1 as it stands on the wire, one row per case, and README.md, the
 * table of what the engine does otherwise.
 *
 * `deno test -A tests/wire/http1/wire_test.ts -- --update` writes that table
 * anew.
 */

import type { Settings } from "../../../src/options/settings.ts";
import { assertEquals } from "../../../src/std/assert.ts";
import { CHUNKS } from "./chunks.ts";
import { CONNECTIONS } from "./connections.ts";
import { FRAMING } from "./framing.ts";
import { HEADER_FIELDS } from "./header_fields.ts";
import { HOSTS } from "./hosts.ts";
import { ENGINE_LIMITS, LIMITED, SMALL_LIMITS } from "./limits.ts";
import { METHODS_AND_TARGETS } from "./methods_and_targets.ts";
import { REQUEST_LINE } from "./request_line.ts";
import { RESPONSES } from "./responses.ts";
import { fetchHandler, testCases } from "./run_cases.ts";
import type { Difference, WireCase } from "./wire_case.ts";

const README = new URL("./README.md", import.meta.url);

const UNLIMITED = { maxHeaderSize: 2 ** 20, maxHeaderCount: 1000 };
const GROUPS: readonly (readonly [
  title: string,
  cases: readonly WireCase[],
  settings?: Partial<Settings>,
])[] = [
  ["request lines", REQUEST_LINE],
  ["header fields", HEADER_FIELDS],
  ["hosts", HOSTS],
  ["methods and targets", METHODS_AND_TARGETS],
  ["framing", FRAMING],
  ["chunks", CHUNKS],
  ["limits", SMALL_LIMITS, LIMITED],
  ["the engine's limits", ENGINE_LIMITS, UNLIMITED],
  ["connections", CONNECTIONS],
  ["responses", RESPONSES],
];

for (const group of GROUPS) testCases(...group);

/** Heads that a fetch handler sees as well, and no body. */
for (const [title, cases, settings] of GROUPS) {
  const heads = cases.filter(({ send, serve, client }) =>
    typeof send === "string" && !serve && !client &&
    !/transfer-encoding/i.test(send)
  ).map((row) => ({
    ...row,
    app: row.app.map((seen) => seen.split(" ").slice(0, 2).join(" ")),
  }));
  if (heads.length === 0) continue;
  testCases(`${title}, a fetch handler`, heads, settings, fetchHandler);
}

function readme(): string {
  const differences = new Map<Difference, WireCase[]>();
  for (const row of GROUPS.flatMap(([, cases]) => cases)) {
    if (row.difference === undefined) continue;
    const rows = differences.get(row.difference) ?? [];
    differences.set(row.difference, [...rows, row]);
  }
  const lines = [...differences].map(([{ rule, reason, risk }, rows]) => {
    const sections = [...new Set(rows.map(({ rfc }) => rfc))].join("; ");
    const titles = rows.map(({ title }) => title.replace(/ \(PAGI.*\)$/, ""));
    const cells = [rule, sections, reason, risk, titles.join("; ")];
    return `| ${cells.map(cell).join(" | ")} |`;
  });
  return `<!-- deno-fmt-ignore-file -->

# HTTP/1.1 on the wire

Each row of the tables in this folder says what bytes a client sends, and what
must come back: the answers, whether the connection is kept, and what the app
saw. \`wire_case.ts\` says how to read a row.

Whatever the engine answers otherwise than the RFC asks is put right in the
server where a handler, or closing the connection, can do that. This is what
is left. Each of these cases is pinned by its row, so that a new engine shows.

| The RFC asks for | RFC | Why it is otherwise | Risk | Cases |
| ---------------- | --- | ------------------- | ---- | ----- |
${lines.join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("|", "\\|")
    .replaceAll("<", "&lt;").replaceAll("`", "\\`").replaceAll("*", "\\*");
}

Deno.test("README.md lists what the engine does otherwise", () => {
  const expected = readme();
  if (Deno.args.includes("--update")) {
    Deno.writeTextFileSync(README, expected);
  }
  assertEquals(
    Deno.readTextFileSync(README),
    expected,
    "run this test with -- --update",
  );
});

Deno.test("no two cases have the same name", () => {
  for (const [, cases] of GROUPS) {
    const titles = cases.map(({ title }) => title);
    assertEquals(titles.filter((title, i) => titles.indexOf(title) < i), []);
  }
});
