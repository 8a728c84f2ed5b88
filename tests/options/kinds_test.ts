import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import {
  allowedHost,
  choice,
  defineKind,
  fileMode,
  flag,
  host,
  integer,
  KindError,
  list,
  listenAddress,
  path,
  port,
  seconds,
  text,
} from "../../src/options/kinds.ts";
import type { Kind } from "../../src/options/kinds.ts";

interface Case {
  name: string;
  kind: Kind<unknown>;
  /** Text, and the value it is read as. */
  reads: readonly (readonly [string, unknown])[];
  refuses: readonly string[];
  /** Values of code that are taken as they are. */
  takes?: readonly unknown[];
  rejects?: readonly unknown[];
}

const strange = ["\0", "a\0b", "😀"];

const CASES: readonly Case[] = [
  {
    name: "text",
    kind: text,
    reads: [["", ""], ["a b", "a b"], ["😀", "😀"], ["0", "0"]],
    refuses: ["\0", "a\0b"],
    rejects: [1, true, null, undefined, ["a"], {}, () => "a"],
  },
  {
    name: "allowedHost",
    kind: allowedHost,
    reads: [
      ["example.com", "example.com"],
      ["Example.COM.", "example.com"],
      [".example.com", ".example.com"],
      ["*.example.com", ".example.com"],
      ["my_host", "my_host"],
      ["192.0.2.1", "192.0.2.1"],
      ["::1", "::1"],
      ["[2001:DB8:0::1]", "2001:db8::1"],
      ["loopback", "loopback"],
      ["*", "*"],
    ],
    refuses: [
      "",
      ".",
      "*.",
      "example.com:80",
      "http://example.com",
      "a b",
      "a/b",
      "1.2.3.999",
      ...strange,
    ],
    rejects: [1, null, ["a"]],
  },
  {
    name: "flag",
    kind: flag,
    reads: [
      ...["1", "true", "yes", "on", "YES", "True"].map((word) =>
        [word, true] as const
      ),
      ...["0", "false", "no", "off", "", "OFF"].map((word) =>
        [word, false] as const
      ),
    ],
    refuses: ["2", "maybe", " 1", "00", "undefined", ...strange],
    takes: [true, false],
    rejects: [2, -1, NaN, null, undefined, [], {}],
  },
  {
    name: "integer",
    kind: integer({ min: 2, max: 10 }),
    reads: [["2", 2], ["10", 10], ["007", 7]],
    refuses: [
      ...["", "1", "11", "-2", "+3", "3.0", "3e0", "0x3", "3a", " 3", "٣"],
      ...["99999999999999999999", "Infinity", "NaN", ...strange],
    ],
    takes: [2, 10],
    rejects: [1, 11, 2.5, NaN, Infinity, 3n, true, null, [3]],
  },
  {
    name: "integer without limits",
    kind: integer(),
    reads: [["0", 0], ["9007199254740991", Number.MAX_SAFE_INTEGER]],
    refuses: ["-1", "9007199254740992"],
    rejects: [-1, 2 ** 53],
  },
  {
    name: "seconds",
    kind: seconds,
    reads: [["0", 0], ["0.25", 0.25], [".5", 0.5], ["5.", 5], ["60", 60]],
    refuses: [
      ...["", ".", "-1", "1s", "1e3", "1,5", "Infinity", "2147484"],
      ...strange,
    ],
    takes: [0, 0.1, 2147483],
    rejects: [-0.1, NaN, Infinity, 2147484, true, null],
  },
  {
    name: "choice",
    kind: choice(["on", "off", "EV"]),
    reads: [["on", "on"], ["OFF", "off"], ["ev", "EV"]],
    refuses: ["", "o", "onn", " on", ...strange],
    rejects: [true, 1, null],
  },
  {
    name: "list",
    kind: list(integer()),
    reads: [["", []], ["1", [1]], ["1, 2,,3 ", [1, 2, 3]]],
    refuses: ["a", "1,a", "1;2"],
    takes: [[], [1, 2]],
    rejects: [[1, "a"], [null], null, {}],
  },
  {
    name: "host",
    kind: host,
    reads: [
      ["0.0.0.0", "0.0.0.0"],
      ["localhost", "localhost"],
      ["my-host_1.example.com", "my-host_1.example.com"],
      ["::", "::"],
      ["[::1]", "::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
    ],
    refuses: [
      ...["", " ", "a b", "127.0.0.1:80", "[::1]:80", "http://a", "a/b", "*"],
      ...["[localhost]", "a\nb", "::1%", ...strange],
    ],
    rejects: [1, null],
  },
  {
    name: "port",
    kind: port,
    reads: [["0", 0], ["65535", 65535]],
    refuses: ["-1", "65536", "80a", "1e3", "99999999999999999999", "tcp://a:1"],
  },
  {
    name: "listen address",
    kind: listenAddress,
    reads: [
      ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
      ["localhost:0", { host: "localhost", port: 0 }],
      ["[::1]:5000", { host: "::1", port: 5000 }],
      ["unix:a:1", { path: "a:1" }],
      ["unix:/run/a 😀.sock", { path: "/run/a 😀.sock" }],
      ["/run/app:8080", { path: "/run/app:8080" }],
      ["./a.sock", { path: "./a.sock" }],
      ["../a.sock", { path: "../a.sock" }],
      ["pagi.sock", { path: "pagi.sock" }],
    ],
    refuses: [
      ...["", "8080", ":8080", "unix:", "a:", "a:b", "a:65536", "a:-1"],
      ...["::1:5000", "[::1]", "[a]:80", "http://a:80", "a b:80", "/a\0b"],
    ],
    takes: [{ host: "::1", port: 80 }, { path: "/run/a" }],
    rejects: [null, {}, { host: "a" }, { host: "a", port: "1" }, { path: 1 }, {
      host: "a",
      port: 65536,
    }],
  },
  {
    name: "path",
    kind: path,
    reads: [["a b,c", "a b,c"], ["-", "-"], ["😀\n", "😀\n"]],
    refuses: ["", "a\0b"],
    rejects: [null, 1],
  },
  {
    name: "file mode",
    kind: fileMode,
    reads: [["660", 0o660], ["0660", 0o660], ["000", 0]],
    refuses: ["", "66", "00660", "1660", "0680", "rw", "-660", ...strange],
    takes: [0, 0o777],
    rejects: [660, -1, 1.5, null],
  },
];

for (const { name, kind, reads, refuses, takes, rejects } of CASES) {
  Deno.test(`the kind "${name}" reads what it allows and nothing else`, () => {
    for (const [given, value] of reads) {
      assertEquals(kind.parse(given), value, JSON.stringify(given));
      assertEquals(kind.accept(given), value, JSON.stringify(given));
    }
    for (const value of takes ?? []) assertEquals(kind.accept(value), value);
    for (const given of refuses) {
      assertThrows(() => kind.parse(given), KindError, " is not ");
    }
    for (const value of [...refuses, ...rejects ?? []]) {
      assertThrows(() => kind.accept(value), KindError, " is not ");
    }
  });
}

Deno.test("a flag in code may also be 0 or 1 (PAGI.md 107)", () => {
  assertEquals([flag.accept(0), flag.accept(1)], [false, true]);
  assertEquals([flag.accept("0"), flag.accept("")], [false, false]);
});

Deno.test("the error of a kind names the value and what is allowed", () => {
  const { message } = assertThrows(() => port.parse("80a"), KindError);
  assertEquals(message, '"80a" is not a whole number from 0 to 65535');
});

Deno.test("the error of a list is about the item that is wrong", () => {
  const ports = list(port);
  const { message } = assertThrows(() => ports.parse("80,x"), KindError);
  assertEquals(message, '"x" is not a whole number from 0 to 65535');
});

Deno.test("an app can define a kind of text or function", () => {
  const target = defineKind<string | (() => string)>({
    placeholder: "URL",
    allowed: "a URL or a function",
    parse: (given) => given.startsWith("/") ? given : undefined,
    is: (value): value is () => string => typeof value === "function",
  });
  const give = (): string => "/";
  assertEquals(target.accept(give), give);
  assertEquals(target.accept("/a"), "/a");
  assertThrows(() => target.accept("a"), KindError, '"a" is not a URL or');
  assertThrows(() => target.accept({}), KindError, "an object is not a URL");
});
