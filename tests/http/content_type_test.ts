import { contentTypeOf, isCompressible } from "../../src/http/content_type.ts";
import { assert, assertEquals } from "../../src/std/assert.ts";

const typeOf = (name: string) => contentTypeOf(name, "x/fallback");

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
