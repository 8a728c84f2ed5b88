import { type BodyOf, NotFoundApp } from "../../src/apps/not_found.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";

Deno.test("everything is answered with 404 and a text", async () => {
  const response = await runApp(new NotFoundApp().toApp(), { method: "POST" });
  assertEquals(response.status, 404);
  assertEquals(response.headers, [
    ["content-type", "text/plain"],
    ["content-length", "9"],
  ]);
  assertEquals(response.text, "Not Found");
});

Deno.test("body, content_type and status can be chosen", async () => {
  const app = new NotFoundApp({
    body: "<p>Süd",
    contentType: "text/html; charset=utf-8",
    status: 410,
  }).toApp();
  const response = await runApp(app, { type: "sse" });
  assertEquals(response.status, 410);
  assertEquals(response.text, "<p>Süd");
  assertEquals(response.header("content-length"), "7");
  assertEquals(response.header("content-type"), "text/html; charset=utf-8");
});

Deno.test("the body may be a function of the scope", async () => {
  const text = (scope: { path: string }) => `no ${scope.path}`;
  const bytes = () => Promise.resolve(new Uint8Array([65]));
  const bodyFor = async (body: BodyOf) =>
    (await runApp(new NotFoundApp({ body }).toApp(), { target: "/x" })).text;
  assertEquals(await bodyFor(text), "no /x");
  assertEquals(await bodyFor(bytes), "A");
});

Deno.test("wrong options are refused", () => {
  for (
    const options of [
      { status: "199" },
      { status: 600 },
      { body: 5 },
      { content_type: "a/b\r\nx: y" },
      { text: "x" },
    ]
  ) {
    assertThrows(
      () => new NotFoundApp(options as Record<string, unknown>),
      OptionError,
    );
  }
});
