import { pathParts } from "../../../src/apps/files/request_path.ts";
import { assertEquals } from "../../../src/std/assert.ts";

Deno.test("on Windows a file answers to no name but its own", () => {
  const others = [
    "/GIT~1/config",
    "/page.html::$DATA",
    "/C:/page.html",
    "/page.html.",
    "/page.html ",
    "/nul",
    "/Com1.txt",
    "/conin$",
  ];
  for (const path of others) {
    assertEquals(pathParts(path, true, true), 403, path);
    assertEquals(Array.isArray(pathParts(path, true, false)), true, path);
  }
  assertEquals(pathParts("/./console/comma/a~/b.c", true, true), [
    "console",
    "comma",
    "a~",
    "b.c",
  ]);
});
