import { reasonPhrase } from "../../src/http/status.ts";
import { assertEquals } from "../../src/std/assert.ts";

Deno.test("a status code has its reason phrase, an unregistered one none", () => {
  assertEquals(reasonPhrase(404), "Not Found");
  assertEquals(reasonPhrase(405), "Method Not Allowed");
  assertEquals(reasonPhrase(416), "Range Not Satisfiable");
  assertEquals(reasonPhrase(599), "");
});
