import {
  contentTypeOf,
  isCompressible,
  mediaTypeOf,
  wholeCharacters,
} from "../../src/http/content_type.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

const typeOf = (name: string) => mediaTypeOf(name, "x/fallback");

/** The `content-type` of a file by its name and text, one code unit per byte. */
function typeOfText(
  name: string,
  text: string,
  charset: string | null = null,
): string {
  const bytes = Uint8Array.from(text, (unit) => unit.charCodeAt(0));
  return contentTypeOf(name, "x/fallback", charset, () => bytes);
}

Deno.test("files have the types of PAGI.md 7", () => {
  const types: Record<string, string> = {
    "text/html": "html htm",
    "text/css": "css",
    "text/plain": "txt pl md",
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
    "image/x-icon": "ico",
    "application/javascript": "js",
    "application/json": "json",
    "application/xml": "xml",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "font/ttf": "ttf",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
    "video/webm": "webm",
  };
  for (const [type, extensions] of Object.entries(types)) {
    for (const extension of extensions.split(" ")) {
      assertEquals(typeOf(`a.${extension}`).split(";")[0], type, extension);
    }
  }
});

Deno.test("text has a charset, images have none", () => {
  for (const name of ["a.html", "a.css", "a.txt", "a.md", "a.pl", "a.js"]) {
    assert(typeOf(name).endsWith("; charset=UTF-8"), name);
  }
  assertEquals(typeOf("a.png"), "image/png");
});

Deno.test("the last extension counts, in any case", () => {
  assertEquals(typeOf("A.TAR.GZ"), "application/gzip");
  assertEquals(typeOf("a.b.HTML"), "text/html; charset=UTF-8");
});

Deno.test("without a known extension the fallback is the type", () => {
  for (
    const name of [
      "a",
      "a.",
      ".html",
      "a.unheard-of",
      "",
      "a.constructor",
    ]
  ) assertEquals(typeOf(name), "x/fallback", name);
});

Deno.test("scripts, sources and what is new on the web have types that browsers take", () => {
  const types: Record<string, string> = {
    "application/javascript": "js mjs cjs",
    "text/plain":
      "ts tsx mts cts jsx rs py go sh rb kt swift md pl lua vue jsonc",
    "application/yaml": "yaml yml",
    "application/toml": "toml",
    "application/wasm": "wasm",
    "application/manifest+json": "webmanifest",
    "application/json": "json map",
    "image/svg+xml": "svg svgz",
    "image/avif": "avif",
    "image/jxl": "jxl",
    "application/gzip": "gz tgz",
    "application/zstd": "zst",
  };
  for (const [type, extensions] of Object.entries(types)) {
    for (const extension of extensions.split(" ")) {
      assertEquals(typeOf(`a.${extension}`).split(";")[0], type, extension);
    }
  }
});

Deno.test("a stream has the extension of TypeScript, and shows what it is", () => {
  const packets = `G${"\0".repeat(187)}`.repeat(3);
  for (const name of ["a.ts", "a.TS", "a.mts"]) {
    assertEquals(typeOfText(name, packets), "video/mp2t");
    for (const text of ["", "Go", `Go${"x".repeat(300)}`, "const a = 1;"]) {
      assertEquals(typeOfText(name, text), "text/plain; charset=UTF-8");
    }
  }
  assertEquals(typeOfText("a.txt", packets), "text/plain; charset=UTF-8");
});

Deno.test("a charset never contradicts what a text says or is", () => {
  const utf8 = "caf\xc3\xa9";
  const latin1 = "caf\xe9";
  const cases: [string, string, string | null, string][] = [
    ["a.txt", "plain", null, "text/plain; charset=UTF-8"],
    ["a.txt", "", null, "text/plain; charset=UTF-8"],
    ["a.txt", utf8, null, "text/plain; charset=UTF-8"],
    ["a.txt", latin1, null, "text/plain"],
    ["a.txt", latin1, "windows-1252", "text/plain; charset=windows-1252"],
    ["a.txt", utf8, "windows-1252", "text/plain; charset=windows-1252"],
    ["a.txt", utf8, "", "text/plain"],
    ["a.txt", "\xff\xfea\0", "windows-1252", "text/plain"],
    ["a.txt", "\xef\xbb\xbfa", "windows-1252", "text/plain; charset=UTF-8"],
    ["a.txt", "\xa9\xa9\xa9\xa9", null, "text/plain"],
    ["a.html", "<p>plain", null, "text/html; charset=UTF-8"],
    ["a.html", `<p>${latin1}`, null, "text/html"],
    ["a.html", `<p>${latin1}`, "koi8-r", "text/html; charset=koi8-r"],
    ["a.html", "<meta charset=utf-8>", "koi8-r", "text/html; charset=UTF-8"],
    ["a.html", "<meta charset='iso-2022-jp'>", null, "text/html"],
    ["a.html", "<meta charset=koi8-r>", "koi8-r", "text/html"],
    [
      "a.htm",
      '<META http-equiv="Content-Type" content="text/html; charset=Shift_JIS">',
      null,
      "text/html",
    ],
    [
      "a.html",
      `<p>${" ".repeat(1100)}<meta charset=x>`,
      null,
      "text/html; charset=UTF-8",
    ],
    ["a.html", "<meta charset=utf-16>", null, "text/html; charset=UTF-8"],
    [
      "a.html",
      "<!-- <meta charset=koi8-r> --><p>",
      null,
      "text/html; charset=UTF-8",
    ],
    [
      "a.html",
      '<meta name="description" content="a; charset=koi8-r">',
      null,
      "text/html; charset=UTF-8",
    ],
    [
      "a.html",
      "<meta name=x content=y><meta\n CHARSET = big5 >",
      null,
      "text/html",
    ],
    ["a.html", "<metadata charset=koi8-r>", null, "text/html; charset=UTF-8"],
    ["a.txt", "<meta charset=koi8-r>", null, "text/plain; charset=UTF-8"],
    ["a.css", '@charset "koi8-r"; a{}', null, "text/css"],
    ["a.css", '@charset "utf-8"; a{}', "koi8-r", "text/css; charset=UTF-8"],
    ["a.png", latin1, "koi8-r", "image/png"],
    ["a.xml", latin1, "koi8-r", "application/xml"],
    ["unknown", latin1, "koi8-r", "x/fallback"],
  ];
  for (const [name, text, charset, type] of cases) {
    assertEquals(typeOfText(name, text, charset), type, `${name} ${text}`);
  }
});

Deno.test("a text that is cut in the middle of a character is still UTF-8", () => {
  const text = new TextEncoder().encode("a\u00e9\u65e5\u{1F600}");
  const lengths = [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10];
  for (const [end, length] of lengths.entries()) {
    assertEquals(wholeCharacters(text.subarray(0, end)).length, length);
  }
  for (const bytes of [[0xe9, 0x20], [0x80, 0x80, 0x80, 0x80, 0x80]]) {
    assertEquals(wholeCharacters(new Uint8Array(bytes)).length, bytes.length);
  }
});

Deno.test("text shrinks when compressed, pictures and archives do not", () => {
  for (
    const name of ["a.html", "a.txt", "a.js", "a.json", "a.svg", "a.xml"]
      .concat(["a.wasm", "a.ttf", "a.ico", "a.geojson", "a.csv", "a.atom"])
  ) assert(isCompressible(typeOf(name)), typeOf(name));
  for (
    const name of ["a.png", "a.jpg", "a.zip", "a.gz", "a.woff2", "a.mp4", "a"]
      .concat(["a.pdf", "a.br", "a.mp3"])
  ) assert(!isCompressible(typeOf(name)), typeOf(name));
});
