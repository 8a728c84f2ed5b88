import { DirectoryApp } from "../../src/apps/directory.ts";
import { FileApp } from "../../src/apps/file.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const TEXT = `# Title & more

| a | b |
|---|---|
| 1 | ~~2~~ |

<script>alert(1)</script> <b onclick="x()">bold</b>

[bad](javascript:alert(1)) [good](other.md#title--more) ![p](p.png)
[data](data:text/html,x) https://example.org/x README.md

## Title & more
`;

/** Runs `body` with a root that has Markdown in it. */
async function withFiles(
  files: Record<string, string>,
  body: (root: string) => Promise<void>,
): Promise<void> {
  const root = tempFolder();
  try {
    for (const [name, text] of Object.entries(files)) {
      Deno.mkdirSync(join(root, name, ".."), { recursive: true });
      Deno.writeTextFileSync(join(root, name), text);
    }
    await body(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("a browser sees Markdown as it is meant, with HTML in it as text", async () => {
  await withFiles({ "docs/a.md": TEXT }, async (root) => {
    const app = new DirectoryApp({ root }).toApp();
    const target = "/docs/a.md";
    const page = await runApp(app, { target, headers: BROWSER });
    assertEquals(page.header("content-type"), "text/html; charset=UTF-8");
    for (
      const part of [
        '<h1 id="title--more">Title &amp; more</h1>',
        '<h2 id="title--more-1">',
        "<td>1</td>",
        "<s>2</s>",
        "&lt;script&gt;alert(1)&lt;/script&gt; &lt;b onclick=",
        '<a href="other.md#title--more">good</a>',
        '<img src="p.png" alt="p">',
        '<a href="https://example.org/x">',
        '<li><a href="../">/</a></li><li><a href="./">docs/</a></li>',
      ]
    ) assertStringIncludes(page.text, part);
    const article = page.text.slice(page.text.indexOf("<article"));
    for (
      const part of [
        "<script",
        "<b ",
        'href="javascript:',
        'href="data:',
        'href="http://README.md"',
      ]
    ) {
      assert(!article.includes(part), part);
    }
    assertStringIncludes(
      page.header("content-security-policy")!,
      "default-src 'none'",
    );
    const again = await runApp(app, {
      target,
      headers: { ...BROWSER, "if-none-match": page.header("etag")! },
    });
    assertEquals(again.status, 304);
    const head = await runApp(app, {
      target,
      headers: BROWSER,
      method: "HEAD",
    });
    assertEquals(head.header("content-type"), "text/html; charset=UTF-8");
  });
});

Deno.test("programs, raw=1 and those who prefer it get the source of Markdown", async () => {
  await withFiles({ "a.md": TEXT }, async (root) => {
    const app = new DirectoryApp({ root }).toApp();
    const rows: [string, Record<string, string>][] = [
      ["/a.md", {}],
      ["/a.md", { accept: "*/*" }],
      ["/a.md", { accept: "text/markdown" }],
      ["/a.md", { accept: "text/html;q=0.5, text/markdown" }],
      ["/a.md?raw=1", BROWSER],
    ];
    // Twice, as the file may come from memory.
    for (const [target, headers] of [...rows, ...rows]) {
      const response = await runApp(app, { target, headers });
      assertEquals(response.text, TEXT, target);
      assertStringIncludes(response.header("vary")!, "accept");
      assertStringIncludes(response.header("content-type")!, "text/plain");
      const page = await runApp(app, { target: "/a.md", headers: BROWSER });
      assertStringIncludes(page.text, "<h1");
    }
    for (
      const plain of [
        new DirectoryApp({ root, markdown: false }),
        new FileApp({ root }),
      ]
    ) {
      const { text } = await runApp(plain.toApp(), {
        target: "/a.md",
        headers: BROWSER,
      });
      assertEquals(text, TEXT);
    }
  });
});

Deno.test("a change of the file is seen, and a large one is sent as it is", async () => {
  await withFiles({ "a.md": "# one" }, async (root) => {
    const app = new DirectoryApp({ root }).toApp();
    const get = async () =>
      (await runApp(app, { target: "/a.md", headers: BROWSER })).text;
    assertStringIncludes(await get(), ">one</h1>");
    Deno.writeTextFileSync(join(root, "a.md"), "# twice");
    assertStringIncludes(await get(), ">twice</h1>");
    const large = "# large\n".repeat(20_000);
    Deno.writeTextFileSync(join(root, "a.md"), large);
    assertEquals(await get(), large);
    const middle = "# middle\n".repeat(7_000);
    Deno.writeTextFileSync(join(root, "a.md"), middle);
    assertStringIncludes(await get(), "middle-6999");
  });
});

Deno.test("a README below a listing is shown as it is meant", async () => {
  await withFiles(
    { "README.md": TEXT, "b/README.txt": "# <b>" },
    async (root) => {
      const app = new DirectoryApp({ root }).toApp();
      const { text } = await runApp(app, { target: "/", headers: BROWSER });
      assertStringIncludes(text, '<h1 id="title--more">');
      assert(!text.includes("<script>alert"));
      const plain = await runApp(app, { target: "/b/", headers: BROWSER });
      assertStringIncludes(plain.text, "<pre># &lt;b&gt;</pre>");
      const off = new DirectoryApp({ root, markdown: false }).toApp();
      const source = await runApp(off, { target: "/", headers: BROWSER });
      assertStringIncludes(source.text, "<pre># Title &amp; more");
    },
  );
});
