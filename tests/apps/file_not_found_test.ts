import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const PAGE = "<h1>Nothing here</h1>";

/** Runs `body` with a root that has a `404.html` and a folder. */
async function withSite(body: (root: string) => Promise<void>): Promise<void> {
  const root = tempFolder();
  try {
    Deno.writeTextFileSync(join(root, "404.html"), PAGE);
    Deno.mkdirSync(join(root, "empty"));
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("a site's own 404.html is the answer to what does not exist", async () => {
  await withSite(async (root) => {
    for (const app of [new FileApp({ root }), new DirectoryApp({ root })]) {
      for (const target of ["/x", "/a/b/c", "/x.css", "/404.html/"]) {
        const response = await runApp(app.toApp(), { target });
        assertEquals([response.status, response.text], [404, PAGE], target);
        assertEquals(
          response.header("content-type"),
          "text/html; charset=UTF-8",
        );
        assertEquals(response.header("content-length"), String(PAGE.length));
      }
    }
    const app = new FileApp({ root }).toApp();
    // A folder that File does not list.
    assertEquals((await runApp(app, { target: "/empty/" })).text, PAGE);
    assertEquals((await runApp(app, { target: "/404.html" })).status, 200);
  });
});

Deno.test("the page of a 404 has no ranges, conditions or body for HEAD", async () => {
  await withSite(async (root) => {
    const app = new FileApp({ root }).toApp();
    const rows: Record<string, string>[] = [
      { range: "bytes=0-1" },
      { "if-none-match": "*" },
      { "accept-encoding": "gzip" },
    ];
    for (const headers of rows) {
      const response = await runApp(app, { target: "/x", headers });
      assertEquals([response.status, response.text], [404, PAGE]);
    }
    const head = await runApp(app, { target: "/x", method: "HEAD" });
    assertEquals([head.status, head.text], [404, ""]);
    assertEquals(head.header("content-length"), String(PAGE.length));
  });
});

Deno.test("not_found names another file, or none, and one that is missing or hidden counts for nothing", async () => {
  await withSite(async (root) => {
    Deno.mkdirSync(join(root, "errors"));
    Deno.writeTextFileSync(join(root, "errors", "gone.txt"), "gone");
    Deno.writeTextFileSync(join(root, ".secret.html"), "secret");
    const rows = [
      ["errors/gone.txt", "gone"],
      ["", "Not Found"],
      ["missing.html", "Not Found"],
      ["empty", "Not Found"],
      [".secret.html", "Not Found"],
      ["../../etc/hostname", "Not Found"],
    ];
    for (const [notFound, text] of rows) {
      const app = new FileApp({ root, notFound }).toApp();
      const response = await runApp(app, { target: "/x" });
      assertEquals([response.status, response.text], [404, text], notFound);
    }
  });
});

Deno.test("a large page of a 404 comes whole", async () => {
  await withSite(async (root) => {
    Deno.writeTextFileSync(join(root, "404.html"), "x".repeat(3_000_000));
    const app = new FileApp({ root }).toApp();
    const response = await runApp(app, { target: "/x" });
    assertEquals([response.status, response.text.length], [404, 3_000_000]);
  });
});
