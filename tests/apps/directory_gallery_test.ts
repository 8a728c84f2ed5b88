import { DirectoryApp } from "../../src/apps/directory.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runApp } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

Deno.test("a gallery shows pictures, sounds and films, and leads into folders", async () => {
  const root = tempFolder();
  try {
    Deno.mkdirSync(join(root, "more"));
    const names = [
      "a b.jpg",
      '"><script>.png',
      "song.mp3",
      "film.webm",
      "x.txt",
    ];
    for (const name of names) Deno.writeTextFileSync(join(root, name), name);
    const app = new DirectoryApp({ root }).toApp();
    const page = await runApp(app, { target: "/?view=gallery" });
    for (
      const part of [
        '<a href="./more/?view=gallery">more/</a>',
        '<img loading="lazy" decoding="async" src="./a%20b.jpg" alt="">',
        'src="./%22%3E%3Cscript%3E.png"',
        '<audio controls preload="none" src="./song.mp3"',
        '<video controls preload="metadata" src="./film.webm"',
        "1 other file in the list",
      ]
    ) assertStringIncludes(page.text, part);
    assert(!page.text.includes("x.txt"));
    const policy = page.header("content-security-policy")!;
    assertStringIncludes(policy, "img-src 'self' data:; media-src 'self'");
    const list = await runApp(app, { target: "/" });
    assertStringIncludes(list.text, 'value="gallery">Gallery</button>');
    assert(list.header("etag") !== page.header("etag"));
    const empty = await runApp(app, { target: "/more/" });
    assert(!empty.text.includes('value="gallery"'));
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("entries are selected by boxes that a form sends, in any order of the table", async () => {
  const root = tempFolder();
  try {
    for (const name of ["<b>.txt", "new\nline"]) {
      Deno.writeTextFileSync(join(root, name), name);
    }
    const app = new DirectoryApp({ root }).toApp();
    const page = await runApp(app, { target: "/?view=select&sort=size" });
    assertStringIncludes(page.text, 'name="name" value="&lt;b&gt;.txt"');
    assertStringIncludes(
      page.text,
      '<input type="hidden" name="sort" value="size"><input type="hidden" name="view" value="select">',
    );
    // A form sends a line break as CR LF.
    const { status, text } = await runApp(app, {
      target: "/?archive=tar&name=new%0D%0Aline",
    });
    assertEquals(status, 200);
    assertStringIncludes(text, "new\nline");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
