import { namesType, preferredType } from "../../src/http/negotiation.ts";
import { assertEquals } from "../../src/std/assert.ts";

const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

Deno.test("JSON and plain text are for those who name them and do not prefer HTML", () => {
  const chosen = (accept: string | null) =>
    preferredType(accept, "text/html", ["application/json", "text/plain"]);
  const cases: Record<string, string[]> = {
    "application/json": [
      "application/json",
      "Application/JSON",
      "application/json, text/plain, */*",
      "application/json, text/html",
      "text/html;q=0.5, application/json;q=0.6",
      "application/json; charset=utf-8",
      "text/plain;q=0.5, application/json",
    ],
    "text/plain": [
      "text/plain",
      "text/plain, */*",
      "text/plain, application/json;q=0.5",
      "text/html;q=0.1, text/plain",
    ],
    "text/html": [
      "",
      "*/*",
      BROWSER,
      "application/*",
      "text/*",
      "text/html, application/json;q=0.9",
      "text/html, text/plain, text/css, */*;q=0.01",
      "application/json;q=0, */*",
      "text/event-stream",
      "junk",
    ],
  };
  for (const [type, fields] of Object.entries(cases)) {
    for (const accept of fields) assertEquals(chosen(accept), type, accept);
  }
  assertEquals(chosen(null), "text/html");
});

Deno.test("a wildcard names no type", () => {
  assertEquals(namesType(BROWSER, "text/html"), true);
  assertEquals(namesType("TEXT/HTML", "text/html"), true);
  for (const accept of [null, "", "*/*", "text/*", "image/png"]) {
    assertEquals(namesType(accept, "text/html"), false);
  }
});
