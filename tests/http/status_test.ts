import { hasBody, hasLength, reasonPhrase } from "../../src/http/headers.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("a status code has its reason phrase, an unregistered one none", () => {
  assertEquals(reasonPhrase(404), "Not Found");
  assertEquals(reasonPhrase(405), "Method Not Allowed");
  assertEquals(reasonPhrase(416), "Range Not Satisfiable");
  assertEquals(reasonPhrase(599), "");
});

Deno.test("three statuses have no body, and two of them announce none", () => {
  const all = Array.from({ length: 400 }, (_, i) => 200 + i);
  assertEquals(all.filter((status) => !hasBody(status)), [204, 205, 304]);
  assertEquals(all.filter((status) => !hasLength(status)), [204, 205]);
});
