import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { appHelp, readAppOptions } from "../../src/options/app_options.ts";
import { flag, integer, list, text } from "../../src/options/value_types.ts";
import { OptionError } from "../../src/options/option_error.ts";

const TABLE = {
  root: { type: text, default: ".", help: "Directory to serve" },
  show_hidden: { type: flag, default: false, help: "Names with a dot too" },
  index: { type: list(text), default: ["index.html"], help: "Index files" },
  target: {
    type: text,
    default: null,
    help: "Where to forward to",
    aliases: ["backend"],
  },
  depth: { type: integer({ max: 9 }), default: undefined, help: "How deep" },
};

Deno.test("options of an app that are missing or undefined get their defaults", () => {
  const expected = {
    root: ".",
    show_hidden: false,
    index: ["index.html"],
    target: null,
    depth: undefined,
  };
  assertEquals(readAppOptions("App", TABLE, {}), expected);
  assertEquals(
    readAppOptions("App", TABLE, { root: undefined, index: undefined }),
    expected,
  );
});

Deno.test("options of an app are read from strings and taken from code, with their types", () => {
  const read = readAppOptions("App", TABLE, {
    root: "/a=b",
    show_hidden: "1",
    index: "a, b",
    backend: "http://a",
    depth: "3",
  });
  const root: string = read.root;
  const hidden: boolean = read.show_hidden;
  const index: string[] = read.index;
  const target: string | null = read.target;
  const depth: number | undefined = read.depth;
  assertEquals([root, hidden, index, target, depth], [
    "/a=b",
    true,
    ["a", "b"],
    "http://a",
    3,
  ]);
  assertEquals(
    readAppOptions("App", TABLE, { show_hidden: true, index: ["x"], depth: 3 }),
    {
      root: ".",
      show_hidden: true,
      index: ["x"],
      target: null,
      depth: 3,
    },
  );
});

Deno.test("show_hidden=0 is false (PAGI.md 107)", () => {
  for (const no of ["0", "", "false", 0, false]) {
    const given = { show_hidden: no };
    assertEquals(readAppOptions("App", TABLE, given).show_hidden, false);
  }
});

Deno.test("a wrong option of an app is named with its app, value and what is allowed", () => {
  for (
    const [given, message] of [
      [{ rot: "." }, 'App has no option "rot"; did you mean root?'],
      [{ backand: "." }, 'App has no option "backand"; did you mean backend?'],
      [{ zzzzzz: "." }, 'App has no option "zzzzzz"'],
      [{ constructor: "1" }, 'App has no option "constructor"'],
      [JSON.parse('{"__proto__": "1"}'), 'App has no option "__proto__"'],
      [{ "\x1b\n": "1" }, 'App has no option "\\u001b\\n"'],
      [
        { depth: "10" },
        'App, option depth: "10" is not a whole number from 0 to 9',
      ],
      [
        { depth: 1.5 },
        "App, option depth: 1.5 is not a whole number from 0 to 9",
      ],
      [{ backend: 5 }, "App, option backend: 5 is not text"],
    ] as const
  ) {
    const error = assertThrows(
      () => readAppOptions("App", TABLE, given),
      OptionError,
    );
    assertStringIncludes(error.message, message);
  }
});

Deno.test("the help of an app lists its options with aliases and defaults", () => {
  assertEquals(
    appHelp("PAGI::App::X", TABLE),
    `PAGI::App::X
  root=TEXT                 Directory to serve (default: .)
  show_hidden=0|1           Names with a dot too (default: 0)
  index=TEXT,…              Index files (default: index.html)
  target, backend=TEXT      Where to forward to
  depth=NUM                 How deep
`,
  );
});

Deno.test("an option of an app that is given by two of its names is refused", () => {
  for (
    const [given, names] of [
      [{ target: "a", backend: "b" }, `"target" and "backend"`],
      [{ show_hidden: "1", showHidden: "0" }, `"show_hidden" and "showHidden"`],
    ] as const
  ) {
    assertThrows(
      () => readAppOptions("App", TABLE, given),
      OptionError,
      `App: ${names} are the same option; keep one of them`,
    );
  }
  const read = readAppOptions("App", TABLE, {
    target: undefined,
    backend: "b",
  });
  assertEquals(read.target, "b");
});
