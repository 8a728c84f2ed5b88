import { prefers } from "../../src/http/accept.ts";
import { assertEquals } from "../../src/std/assert.ts";

const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";

Deno.test("JSON is for those who name it and do not prefer HTML", () => {
  const wantsJson = (accept: string | null) =>
    prefers(accept, "application/json", "text/html");
  for (
    const accept of [
      "application/json",
      "Application/JSON",
      "application/json, text/plain, */*",
      "application/json, text/html",
      "text/html;q=0.5, application/json;q=0.6",
      "application/json; charset=utf-8",
    ]
  ) assertEquals(wantsJson(accept), true, accept);
  for (
    const accept of [
      null,
      "",
      "*/*",
      BROWSER,
      "application/*",
      "text/html, application/json;q=0.9",
      "application/json;q=0, */*",
      "text/event-stream",
      "junk",
    ]
  ) assertEquals(wantsJson(accept), false, String(accept));
});
