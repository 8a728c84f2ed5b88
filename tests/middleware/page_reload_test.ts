import { DirectoryApp } from "../../src/apps/directory.ts";
import { pageReload } from "../../src/middleware/page_reload.ts";
import { lint } from "../../src/middleware/lint.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { withServer } from "../helpers/with_server.ts";

const PAGE = "<!DOCTYPE html><p>a page";
const SCRIPT =
  /<script>\{let s=new EventSource\("\/\.pagi\/reload"\)[^<]*<\/script>$/;

async function withPages(
  use: (url: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = tempFolder("pagi pages ");
  Deno.mkdirSync(join(folder, "list"));
  Deno.writeTextFileSync(join(folder, "page.html"), PAGE);
  Deno.writeTextFileSync(join(folder, "large.html"), PAGE.padEnd(300_000));
  Deno.writeTextFileSync(join(folder, "style.css"), "p {}");
  const app = lint(
    pageReload(new DirectoryApp({ root: folder }).toApp(), folder),
  );
  try {
    await withServer(app, {}, ({ url }) => use(url, folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("HTML of a directory ends with the script that reloads it, nothing else has it", async () => {
  await withPages(async (url) => {
    for (const name of ["page.html", "large.html", "list/"]) {
      const response = await fetch(`${url}/${name}`, {
        headers: { accept: "text/html" },
      });
      const text = await response.text();
      assertMatch(text, SCRIPT, name);
      assertEquals(response.status, 200);
      const length = response.headers.get("content-length");
      if (length !== null) assertEquals(Number(length), text.length, name);
    }
    const policy =
      (await fetch(`${url}/list/`, { headers: { accept: "text/html" } })
        .then(async (response) => {
          await response.text();
          return response.headers.get("content-security-policy");
        }))!;
    assertMatch(policy, /script-src 'sha256-[^']+' 'sha256-/);
    assertMatch(policy, /connect-src 'self'/);
    const css = await (await fetch(`${url}/style.css`)).text();
    assertEquals(css, "p {}");
    const range = await fetch(`${url}/page.html`, {
      headers: { range: "bytes=0-3" },
    });
    assertEquals([range.status, await range.text()], [206, "<!DO"]);
  });
});

Deno.test("a change below the directory is told to the page, once", async () => {
  await withPages(async (url, folder) => {
    const events = await fetch(`${url}/.pagi/reload`, {
      headers: { accept: "text/event-stream" },
    });
    const reader = events.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    let text = "";
    const write = () =>
      Deno.writeTextFileSync(join(folder, "list/new.html"), PAGE);
    // The watch begins after the start of the response.
    const timer = setInterval(write, 100);
    while (!text.includes("data: changed")) {
      const { value, done } = await reader.read();
      assert(!done, text);
      text += value;
    }
    clearInterval(timer);
    await reader.cancel();
  });
});
