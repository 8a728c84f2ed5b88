import {
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../../src/std/assert.ts";
import { parseAppSpec, parsePart } from "../../src/loader/app_spec.ts";
import {
  type Environment,
  readArguments,
  resolveArguments,
} from "../../src/options/command_line.ts";
import { ConfigFile } from "../../src/options/config_file.ts";
import { OptionError } from "../../src/options/option_error.ts";

/** What a file of this `text` sets, with words and variables above it. */
function read(text: string, line = "", env: Environment = {}) {
  const args = line === "" ? [] : line.split(" ");
  const config = new ConfigFile("x.toml", text);
  const { settings, sources, positionals } = resolveArguments(
    readArguments(args),
    env,
    config,
  );
  const set = [...sources.keys()].filter((key) => key !== "config");
  return [
    Object.fromEntries(set.map((key) => [key, settings[key]])),
    positionals,
  ];
}

Deno.test("a configuration file sets every type of option by its long name", () => {
  const text = `
# a comment
listen = ["127.0.0.1:80", "[::1]:81", "unix:/a"]
allowed-hosts = "a.example, b.example"
trusted-proxies = ["10.0.0.0/8", "unix:"]
proxy-headers = true
no-access-log = false
timeout = 1.5
socket-mode = 0o660
header = ["X-A: b, c", "x-d: e"]
lib = "a,b"
listener-backlog = 9
log-level = "WARN"
`;
  assertEquals(read(text), [{
    listen: [
      { host: "127.0.0.1", port: 80 },
      { host: "::1", port: 81 },
      { path: "/a" },
    ],
    allowedHosts: ["a.example", "b.example"],
    trustedProxies: ["10.0.0.0/8", "unix:"],
    proxyHeaders: true,
    noAccessLog: false,
    timeout: 1.5,
    socketMode: 0o660,
    header: [["x-a", "b, c"], ["x-d", "e"]],
    lib: ["a,b"],
    listenerBacklog: 9,
    logLevel: "warn",
  }, []]);
});

Deno.test("the command line counts more than a variable, and that more than the file", () => {
  const text = 'port = 1\nworkers = 2\nquiet = true\nhost = "::1"';
  const all = { port: 1, workers: 2, quiet: true, host: "::1" };
  for (
    const [line, env, expected] of [
      ["", {}, all],
      ["-p 3", {}, { ...all, port: 3 }],
      ["", { PAGI_WORKERS: "4", PAGI_QUIET: "0" }, {
        ...all,
        workers: 4,
        quiet: false,
      }],
      ["-w 5", { PAGI_WORKERS: "4" }, { ...all, workers: 5 }],
      // What excludes an option hides it in all below.
      ["--socket s", {}, { workers: 2, quiet: true, socket: "s" }],
      ["", { PAGI_SOCKET: "s" }, { workers: 2, quiet: true, socket: "s" }],
    ] as const
  ) assertEquals(read(text, line, env), [expected, []], line);
});

Deno.test("the app of the file is replaced by another, and its options are added to or replaced", () => {
  const text = '[app]\nname = "PAGI::App::File"\nroot = "a"\nspa = true';
  const app = "PAGI::App::File";
  for (
    const [line, env, expected] of [
      ["", {}, [{ app }, ["root=a", "spa=1"]]],
      ["root=b", {}, [{ app }, ["spa=1", "root=b"]]],
      ["./app.ts x=y", {}, [{}, ["./app.ts", "x=y"]]],
      ["-a b.ts", {}, [{ app: "b.ts" }, []]],
      ["-e 1", {}, [{ eval: "1" }, []]],
      ["", { PAGI_APP: "c.ts" }, [{ app: "c.ts" }, []]],
    ] as const
  ) assertEquals(read(text, line, env), [...expected], line);
});

Deno.test("mounts and apps within apps reach the loader as they were written", () => {
  const [settings, words] = read(`
app = "./rest.ts"
[mount."/a"]
name = "PAGI::App::File"
root = 'a,title=b "c"'
index = ["x.html", "y.html"]
[mount."//host/b"]
root = "b"
[mount."/c"]
name = "PAGI::App::Cascade"
catch = [404, 500]
1 = { name = "PAGI::App::Proxy", target = "http://a", headers = { x-a = "1", x-b = "2" } }
2 = { name = "PAGI::App::File", root = ",root=" }
`) as [{ app: string }, string[]];
  const { pairs } = parseAppSpec(words, settings.app, () => null);
  assertEquals(settings, { app: "PAGI::App::URLMap" });
  const part = (word: string) => {
    const { target, pairs, words } = parsePart(word, () => null);
    assertEquals(words, []);
    return [target.name, pairs] as const;
  };
  assertEquals(part(pairs["/a"]), ["PAGI::App::File", {
    root: 'a,title=b "c"',
    index: "x.html,y.html",
  }]);
  assertEquals(part(pairs["//host/b"]), ["PAGI::App::Directory", {
    root: "b",
  }]);
  assertEquals(part(pairs.default), ["./rest.ts", {}]);
  const [name, tried] = part(pairs["/c"]);
  assertEquals([name, tried.catch], ["PAGI::App::Cascade", "404,500"]);
  assertEquals(part(tried[1]), ["PAGI::App::Proxy", {
    target: "http://a",
    headers: "x-a: 1, x-b: 2",
  }]);
  assertEquals(part(tried[2]), ["PAGI::App::File", { root: ",root=" }]);
});

Deno.test("what is wrong in a file is told with its line and what is meant", () => {
  for (
    const [text, message] of [
      ["\n\nprot = 1", 'line 3: unknown option "prot"; did you mean port?'],
      ["port = 1\nworker = 1", 'line 2: unknown option "worker"; did you mean'],
      ["max_connections=1", "did you mean max-connections?"],
      ["mounts = 1", "did you mean mount?"],
      ['config = "a"', 'unknown option "config"'],
      ['# a\nport = "x"', 'line 2: port: "x" is not a whole number from 0'],
      ["listen = [\n 'a:1',\n '1'\n]", "line 1: listen: "],
      ["port = 1\nport 8080", "line 2: key/value pair"],
      ["workers = 1.5", "line 1: workers: 1.5 is not a whole number"],
      ["quiet = 2024-01-01", "quiet: an object is not one of"],
      ["app = 3", "line 1: app must be a table or the name of an app"],
      ["[app]\nname = 3", "line 2: the name of an app is a text"],
      ["[mount]\n'api' = 'x'", 'line 2: "api" is not a place'],
      ["mount = true", "line 1: mount must be a table"],
      ["host = 'a'\nsocket = 'b'", "line 1: host and x.toml, line 2: socket"],
    ]
  ) {
    const { message: found } = assertThrows(() => read(text), OptionError);
    assertEquals(
      found.includes(message) && found.startsWith("x.toml, "),
      true,
      found,
    );
  }
});

Deno.test("options that are repeatable add up over the file and the command line", () => {
  const text = "[app]\nroot = 'a'\nauth = ['x:1']\nshow_hidden = true\n";
  const [, positionals] = read(text, "root=b auth=y:2");
  assertEquals(positionals, [
    "auth=x:1",
    "show_hidden=1",
    "root=b",
    "auth=y:2",
  ]);
});

Deno.test("ConfigFile refuses what is given twice, with both lines", () => {
  const twice: [string, string][] = [
    [
      "port = 1\n\nport = 2\n",
      `line 3: "port" is given twice; the first is in line 1`,
    ],
    ["[app]\nroot = 'a'\nroot = 'b'\n", `line 3: "root" is given twice`],
    ["[app]\nroot = 'a'\n# b\n[app]\n", `line 4: "app" is given twice`],
    [
      '[mount."/a"]\nroot = "a"\n[mount."/a"]\nroot = "b"\n',
      `line 3: "/a" is given twice`,
    ],
  ];
  for (const [text, message] of twice) {
    assertStringIncludes(
      assertThrows(() => new ConfigFile("x.toml", text), OptionError).message,
      message,
    );
  }
  const once =
    'header = [\n  "port: 1",\n  "port: 2",\n]\nport = 1\n[mount."/a"]\nroot = """\nroot = 1\n"""\n[mount."/b"]\nroot = "b"\n';
  assertEquals(new ConfigFile("x.toml", once).words.length, 2);
});
