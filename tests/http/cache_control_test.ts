import { cachePolicy, hasHash } from "../../src/http/content_type.ts";
import { assertEquals } from "../../src/std/assert.ts";

const PAGE: [string, string] = ["index.html", "text/html; charset=UTF-8"];
const HASHED: [string, string] = ["app.3f9a2b1c.js", "application/javascript"];
const OTHER: [string, string] = ["logo.png", "image/png"];

/** What a page, a file with a hash in its name, and another get. */
function values(
  files: string | null,
  pages: string | null = null,
): (string | null)[] {
  const policy = cachePolicy(files, pages);
  return [policy(...PAGE), policy(...HASHED), policy(...OTHER)];
}

Deno.test("pages do not last, and only what has a hash in its name is immutable", () => {
  const cases: [string | null, (string | null)[]][] = [
    [null, [null, null, null]],
    ["auto", ["no-cache", "public, max-age=31536000, immutable", "no-cache"]],
    ["max-age=3600", ["no-cache", "max-age=3600", "max-age=3600"]],
    [
      "public, max-age=31536000, immutable",
      [
        "public, no-cache",
        "public, max-age=31536000, immutable",
        "public, max-age=31536000",
      ],
    ],
    ["Immutable", ["no-cache", "Immutable", null]],
    ["no-store", ["no-store", "no-store", "no-store"]],
    [
      "private, s-maxage = 5",
      ["private, no-cache", "private, s-maxage = 5", "private, s-maxage = 5"],
    ],
    [
      "no-store, max-age=0",
      ["no-store", "no-store, max-age=0", "no-store, max-age=0"],
    ],
    [
      'private="a, immutable", max-age=9',
      [
        'private="a, immutable", no-cache',
        'private="a, immutable", max-age=9',
        'private="a, immutable", max-age=9',
      ],
    ],
  ];
  for (const [files, expected] of cases) {
    assertEquals(values(files), expected, `${files}`);
  }
});

Deno.test("what is said of pages is that of pages", () => {
  assertEquals(values(null, "max-age=5"), ["max-age=5", null, null]);
  assertEquals(values("max-age=9", "max-age=5"), [
    "max-age=5",
    "max-age=9",
    "max-age=9",
  ]);
  assertEquals(values("auto", "no-store")[0], "no-store");
});

Deno.test("hashes in names are told from words, numbers and dates", () => {
  const hashed = [
    "app.3f9a2b1c.js",
    "app-3f9a2b1c4d5e6f708192.css",
    "3f9a2b1c4d5e.js",
    "main.0123456789abcdef0123456789abcdef.chunk.js.map",
    "index-BwYr3Kq_.js",
    "index-B-Y23Kq9.css",
    "app-XY5ZQ3AB.js",
    "logo.a1b2c3d4.svg",
    "font_9b1deb4d.woff2",
  ];
  const others = [
    "app.js",
    "index.html",
    "report-20240131.pdf",
    "app-settings.js",
    "font-Regular.woff2",
    "foo-DSC12345.jpg",
    "app-Version12.js",
    "jquery-3.7.1.min.js",
    "deadbeef",
    "photo_12345678.jpg",
    "minutes-20240315b.pdf",
    "plan-2024Q3v2.xlsx",
    "backup-1999aBcD.tar.gz",
    "facade12.js",
    "my-Document.pdf",
    "README",
    "",
    `${"a-".repeat(100)}.js`,
  ];
  for (const name of hashed) assertEquals(hasHash(name), true, name);
  for (const name of others) assertEquals(hasHash(name), false, name);
});
