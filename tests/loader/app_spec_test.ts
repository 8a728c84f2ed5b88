import {
  allPairs,
  describeApp,
  type ModuleTarget,
  parseAppSpec,
} from "../../src/loader/app_spec.ts";
import type { Pairs } from "../../src/loader/app_spec.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { assertEquals, assertThrows } from "../../src/std/assert.ts";

const FILES = new Set(["myapp", "a.out", "public.d"]);
const isFile = (path: string): boolean => FILES.has(path);

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
  // A value may contain "=", and the last of equal keys wins.
  [["My::App", "q=a=b=c"], "module", "My::App", { q: "a=b=c" }],
  [["My::App", "a=1", "a=2"], "module", "My::App", { a: "2" }],
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
      parseAppSpec(args, null, isFile),
      { target: { kind, name } as ModuleTarget, pairs, words: [] },
      `pagi-server ${args.join(" ")}`,
    );
  }
});

Deno.test("parseAppSpec() serves the current directory when nothing is named (PAGI.md 106)", () => {
  const spec = parseAppSpec([], null, isFile);
  assertEquals(describeApp(spec), "PAGI::App::Directory root=.");
});

Deno.test("parseAppSpec() takes all positionals as pairs with --app", () => {
  assertEquals(parseAppSpec(["a=1", "b=2"], "app=x.ts", isFile), {
    target: { kind: "file", name: "app=x.ts" },
    pairs: { a: "1", b: "2" },
    words: [],
  });
  assertEquals(parseAppSpec(["./other.ts"], "app.ts", isFile).words, [
    "./other.ts",
  ]);
});

Deno.test("allPairs() refuses what is not key=value", () => {
  for (
    const args of [["app.ts", "x"], ["app.ts", "=x"], ["=x"], ["a=1", "b"]]
  ) {
    assertThrows(
      () => allPairs(parseAppSpec(args, null, isFile), null),
      OptionError,
      "write key=value",
    );
  }
});

Deno.test("allPairs() takes one word for the main option of an app, unless that is given", () => {
  const pairs = (...args: string[]) =>
    allPairs(parseAppSpec(["PAGI::App::File", ...args], null, isFile), "root");
  assertEquals(pairs("/var/www"), { root: "/var/www" });
  assertEquals(pairs("/a b", "etag=stat"), { root: "/a b", etag: "stat" });
  for (const args of [["/a", "/b"], ["/a", "root=/b"], ["root=/b", ""]]) {
    assertThrows(() => pairs(...args), OptionError, "write key=value");
  }
});

Deno.test("parseAppSpec() keeps a key that objects treat specially", () => {
  const { pairs } = parseAppSpec(["My::App", "__proto__=x"], null, isFile);
  assertEquals(Object.entries(pairs), [["__proto__", "x"]]);
});

Deno.test("describeApp() quotes values that would confuse a terminal", () => {
  const args = ["My::App", "a=/var/www", "b=two words", "c=\x1b[2J"];
  assertEquals(
    describeApp(parseAppSpec(args, null, isFile)),
    String.raw`My::App a=/var/www b="two words" c="\u001b[2J"`,
  );
});
