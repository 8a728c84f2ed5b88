import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import {
  allowedHost,
  askedRequest,
  choice,
  defineType,
  fileMode,
  flag,
  host,
  integer,
  list,
  listenAddress,
  path,
  port,
  requestField,
  seconds,
  text,
  ValueError,
} from "../../src/options/value_types.ts";
import type { ValueType } from "../../src/options/value_types.ts";

interface Case {
  name: string;
  type: ValueType<unknown>;
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
    type: text,
    reads: [["", ""], ["a b", "a b"], ["😀", "😀"], ["0", "0"]],
    refuses: ["\0", "a\0b"],
    rejects: [1, true, null, undefined, ["a"], {}, () => "a"],
  },
  {
    name: "allowedHost",
    type: allowedHost,
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
    type: flag,
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
    type: integer({ min: 2, max: 10 }),
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
    type: integer(),
    reads: [["0", 0], ["9007199254740991", Number.MAX_SAFE_INTEGER]],
    refuses: ["-1", "9007199254740992"],
    rejects: [-1, 2 ** 53],
  },
  {
    name: "seconds",
    type: seconds,
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
    type: choice(["on", "off", "EV"]),
    reads: [["on", "on"], ["OFF", "off"], ["ev", "EV"]],
    refuses: ["", "o", "onn", " on", ...strange],
    rejects: [true, 1, null],
  },
  {
    name: "list",
    type: list(integer()),
    reads: [["", []], ["1", [1]], ["1, 2,,3 ", [1, 2, 3]]],
    refuses: ["a", "1,a", "1;2"],
    takes: [[], [1, 2]],
    rejects: [[1, "a"], [null], null, {}],
  },
  {
    name: "host",
    type: host,
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
    type: port,
    reads: [["0", 0], ["65535", 65535]],
    refuses: ["-1", "65536", "80a", "1e3", "99999999999999999999", "tcp://a:1"],
  },
  {
    name: "listen address",
    type: listenAddress,
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
    name: "asked request",
    type: askedRequest,
    reads: [
      ["GET /a?b", { method: "GET", target: "/a?b" }],
      ["/a", { method: "GET", target: "/a" }],
      ["patch  http://h:1/x", { method: "patch", target: "http://h:1/x" }],
      ["wss://h", { method: "GET", target: "wss://h" }],
    ],
    refuses: ["", "GET", "GET a", "G@T /", "/a b", "/a#b", "ftp://h/"],
  },
  {
    name: "request field",
    type: requestField,
    reads: [
      ["Host: a:1", ["Host", "a:1"]],
      ["connection:x", ["connection", "x"]],
      ["x:", ["x", ""]],
    ],
    refuses: ["", "a", ": a", "a b: c", "a: \r\nb: c"],
  },
  {
    name: "path",
    type: path,
    reads: [["a b,c", "a b,c"], ["-", "-"], ["😀\n", "😀\n"]],
    refuses: ["", "a\0b"],
    rejects: [null, 1],
  },
  {
    name: "file mode",
    type: fileMode,
    reads: [["660", 0o660], ["0660", 0o660], ["000", 0]],
    refuses: ["", "66", "00660", "1660", "0680", "rw", "-660", ...strange],
    takes: [0, 0o777],
    rejects: [660, -1, 1.5, null],
  },
];

for (const { name, type, reads, refuses, takes, rejects } of CASES) {
  Deno.test(`the type "${name}" reads what it allows and nothing else`, () => {
    for (const [given, value] of reads) {
      assertEquals(type.parse(given), value, JSON.stringify(given));
      assertEquals(type.coerce(given), value, JSON.stringify(given));
    }
    for (const value of takes ?? []) assertEquals(type.coerce(value), value);
    for (const given of refuses) {
      assertThrows(() => type.parse(given), ValueError, " is not ");
    }
    for (const value of [...refuses, ...rejects ?? []]) {
      assertThrows(() => type.coerce(value), ValueError, " is not ");
    }
  });
}

Deno.test("a flag in code may also be 0 or 1 (PAGI.md 107)", () => {
  assertEquals([flag.coerce(0), flag.coerce(1)], [false, true]);
  assertEquals([flag.coerce("0"), flag.coerce("")], [false, false]);
});

Deno.test("a value error names the value and what is allowed", () => {
  const { message } = assertThrows(() => port.parse("80a"), ValueError);
  assertEquals(message, '"80a" is not a whole number from 0 to 65535');
});

Deno.test("the error of a list is about the item that is wrong", () => {
  const ports = list(port);
  const { message } = assertThrows(() => ports.parse("80,x"), ValueError);
  assertEquals(message, '"x" is not a whole number from 0 to 65535');
});

Deno.test("an app can define a type that takes text or a function", () => {
  const target = defineType<string | (() => string)>({
    placeholder: "URL",
    allowed: "a URL or a function",
    parse: (given) => given.startsWith("/") ? given : undefined,
    is: (value): value is () => string => typeof value === "function",
  });
  const give = (): string => "/";
  assertEquals(target.coerce(give), give);
  assertEquals(target.coerce("/a"), "/a");
  assertThrows(() => target.coerce("a"), ValueError, '"a" is not a URL or');
  assertThrows(() => target.coerce({}), ValueError, "an object is not a URL");
});
