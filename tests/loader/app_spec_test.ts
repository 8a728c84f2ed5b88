import {
  allPairs,
  describeApp,
  type ModuleTarget,
  parseAppSpec,
  parsePart,
  type PathKind,
} from "../../src/loader/app_spec.ts";
import type { Pairs } from "../../src/loader/app_spec.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";

const FOUND: Readonly<Record<string, PathKind>> = {
  "myapp": "code",
  "a.out": "code",
  "./app.ts": "code",
  "public": "directory",
  "/var/www": "directory",
  "./a=b": "directory",
  "a=b.ts": "code",
  "8080": "directory",
  "index.html": "data",
  "img/photo.jpg": "data",
  ".env": "data",
  "data.json": "data",
};
const look = (path: string): PathKind => FOUND[path] ?? null;

const DIRECTORY = "PAGI::App::Directory";

const CASES: [args: string[], kind: string, name: string, pairs: Pairs][] = [
  [[], "module", DIRECTORY, { root: "." }],
  [["root=/var/www"], "module", DIRECTORY, { root: "/var/www" }],
  [["show_hidden=1"], "module", DIRECTORY, { root: ".", show_hidden: "1" }],
  // "=" comes before "::", "/" and endings.
  [["root=./a::b.ts"], "module", DIRECTORY, { root: "./a::b.ts" }],
  [["./dir=x/app.ts"], "module", DIRECTORY, {
    root: ".",
    "./dir": "x/app.ts",
  }],
  [[DIRECTORY, "root=/srv"], "module", DIRECTORY, { root: "/srv" }],
  [["My::App", "a=1", "b="], "module", "My::App", { a: "1", b: "" }],
  // A value may contain "=".
  [["My::App", "q=a=b=c"], "module", "My::App", { q: "a=b=c" }],
  [["My::App", "auth=a:1", "auth=b:2"], "module", "My::App", {
    auth: "a:1\nb:2",
  }],
  // "::" comes before "/" and endings: the name is found wrong later.
  [["./a::b/app.ts"], "module", "./a::b/app.ts", {}],
  [["./app.ts"], "file", "./app.ts", {}],
  [["app.ts"], "file", "app.ts", {}],
  [["app.mts"], "file", "app.mts", {}],
  [["app.js"], "file", "app.js", {}],
  [["app.mjs"], "file", "app.mjs", {}],
  [["app.pl"], "file", "app.pl", {}],
  [["app.psgi"], "file", "app.psgi", {}],
  [["/opt/app"], "file", "/opt/app", {}],
  [["myapp"], "file", "myapp", {}],
  [["a.out"], "file", "a.out", {}],
  [["other"], "module", "other", {}],
  // A directory is served, and the directory of a file that is not code.
  [["public"], "module", DIRECTORY, { root: "public" }],
  [["/var/www", "show_hidden=1"], "module", DIRECTORY, {
    root: "/var/www",
    show_hidden: "1",
  }],
  [["./a=b"], "module", DIRECTORY, { root: "./a=b" }],
  [["a=b.ts"], "file", "a=b.ts", {}],
  [["8080"], "module", DIRECTORY, { root: "8080" }],
  // Hidden files are not served, and JSON is most likely a configuration.
  [[".env"], "file", ".env", {}],
  [["data.json"], "file", "data.json", {}],
  [[""], "module", "", {}],
  // Specifiers come first, even with "=", "::" or "/" in them.
  [["https://x.test/a.ts?v=1", "k=v"], "specifier", "https://x.test/a.ts?v=1", {
    k: "v",
  }],
  [["http://[::1]/a.ts"], "specifier", "http://[::1]/a.ts", {}],
  [["npm:hono@4"], "specifier", "npm:hono@4", {}],
  [["jsr:@a/b"], "specifier", "jsr:@a/b", {}],
  [["file:///a.ts"], "specifier", "file:///a.ts", {}],
];

Deno.test("parseAppSpec() reads every form of the table (PAGI.md section 7)", () => {
  for (const [args, kind, name, pairs] of CASES) {
    assertEquals(
      parseAppSpec(args, null, look),
      { target: { kind, name } as ModuleTarget, pairs, words: [], page: null },
      `pagi-server ${args.join(" ")}`,
    );
  }
});

Deno.test("parseAppSpec() serves the current directory when nothing is named (PAGI.md 106)", () => {
  const spec = parseAppSpec([], null, look);
  assertEquals(describeApp(spec), "PAGI::App::Directory root=.");
});

Deno.test("parseAppSpec() takes all positionals as pairs with --app", () => {
  assertEquals(parseAppSpec(["a=1", "b=2"], "app=x.ts", look), {
    target: { kind: "file", name: "app=x.ts" },
    pairs: { a: "1", b: "2" },
    words: [],
    page: null,
  });
  assertEquals(parseAppSpec(["./other.ts"], "app.ts", look).words, [
    "./other.ts",
  ]);
});

Deno.test("an option that is given twice is refused, and so is a root beside a directory", () => {
  const twice = `"root" is given twice: "a" and "b"; keep one of them`;
  const cases: (() => unknown)[] = [
    () => parseAppSpec(["root=a", "root=b"], null, look),
    () => parseAppSpec(["My::App", "root=a", "x=1", "root=b"], null, look),
    () => parseAppSpec(["root=a", "root=b"], "app.ts", look),
    () => parseAppSpec(["a", "root=b"], null, () => "directory"),
    () => parseAppSpec(["a/x.html", "root=b"], null, () => "data"),
    () => parsePart("My::App,root=a,root=b", look),
    () => parsePart("a,root=b", () => "directory"),
  ];
  for (const read of cases) assertThrows(read, OptionError, twice);
});

Deno.test("allPairs() refuses what is not key=value", () => {
  for (
    const args of [["app.ts", "x"], ["app.ts", "=x"], ["=x"], ["a=1", "b"]]
  ) {
    assertThrows(
      () => allPairs(parseAppSpec(args, null, look), null),
      OptionError,
      "write key=value",
    );
  }
});

Deno.test("parseAppSpec() knows a name with spaces that was not quoted", () => {
  assertThrows(
    () =>
      parseAppSpec(
        ["my", "old", "site"],
        null,
        (path) => path === "my old site" ? "directory" : null,
      ),
    OptionError,
    "quotes: pagi-server 'my old site'",
  );
});

Deno.test("allPairs() says how to give a port", () => {
  assertThrows(
    () => allPairs(parseAppSpec(["public", "8080"], null, look), null),
    OptionError,
    "for the port write -p 8080",
  );
});

Deno.test("allPairs() takes one word for the main option of an app, unless that is given", () => {
  const pairs = (...args: string[]) =>
    allPairs(parseAppSpec(["PAGI::App::File", ...args], null, look), "root");
  assertEquals(pairs("/var/www"), { root: "/var/www" });
  assertEquals(pairs("/a b", "etag=stat"), { root: "/a b", etag: "stat" });
  for (const args of [["/a", "/b"], ["/a", "root=/b"], ["root=/b", ""]]) {
    assertThrows(() => pairs(...args), OptionError, "write key=value");
  }
});

Deno.test("parseAppSpec() keeps a key that objects treat specially", () => {
  const { pairs } = parseAppSpec(["My::App", "__proto__=x"], null, look);
  assertEquals(Object.entries(pairs), [["__proto__", "x"]]);
});

Deno.test("describeApp() quotes values that would confuse a terminal", () => {
  const args = ["My::App", "a=/var/www", "b=two words", "c=\x1b[2J"];
  assertEquals(
    describeApp(parseAppSpec(args, null, look)),
    String.raw`My::App a=/var/www b="two words" c="\u001b[2J"`,
  );
});

Deno.test("parseAppSpec() serves the directory of a file that is not code, and remembers the file", () => {
  for (const app of [null, "index.html"]) {
    const words = app === null ? ["index.html"] : [];
    const { target, pairs, page } = parseAppSpec(words, app, look);
    assertEquals(target, { kind: "module", name: DIRECTORY });
    assertEquals(pairs, { root: "." });
    assertEquals(page, "index.html");
  }
  const { pairs, page } = parseAppSpec(
    ["img/photo.jpg", "etag=stat"],
    null,
    look,
  );
  assertEquals(pairs, { root: "img", etag: "stat" });
  assertEquals(page, "photo.jpg");
});

Deno.test("parseAppSpec() names the option that a port, an address or a URL belongs to", () => {
  const cases = [
    ["3000", "pagi-server -p 3000"],
    [":8081", "pagi-server -p 8081"],
    ["localhost:80", "pagi-server --listen localhost:80"],
    ["127.0.0.1", "pagi-server --host 127.0.0.1"],
    ["*:80", "pagi-server --listen 0.0.0.0:80"],
    ["[::1]:80", "pagi-server --listen [::1]:80"],
    ["http://localhost:3000", "PAGI::App::Proxy target=http://localhost:3000"],
    ["http://a.test/api", "PAGI::App::Proxy target=http://a.test/api"],
    ["https://a.test/", "PAGI::App::Proxy target=https://a.test/"],
  ];
  for (const [word, meant] of cases) {
    assertThrows(() => parseAppSpec([word], null, look), OptionError, meant);
  }
});

Deno.test("parsePart() mounts a directory", () => {
  assertEquals(parsePart("/var/www,etag=stat", look), {
    target: { kind: "module", name: DIRECTORY },
    pairs: { root: "/var/www", etag: "stat" },
    words: [],
    page: null,
  });
});
