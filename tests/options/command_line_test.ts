import {
  assertEquals,
  assertNotMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import type { Environment } from "../../src/options/command_line.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { Settings } from "../../src/options/settings.ts";

/** What the words of `line` (split at spaces) set, and the positionals. */
function read(
  line: string | string[],
  env: Environment = {},
): Partial<Settings> & { _?: readonly string[] } {
  const args = typeof line === "string" ? words(line) : line;
  const { settings, sources, positionals } = parseCommandLine(args, env);
  const set = [...sources.keys()].map((key) => [key, settings[key]] as const);
  const found = positionals.length > 0 ? { _: positionals } : {};
  return { ...Object.fromEntries(set), ...found };
}

function words(line: string): string[] {
  return line === "" ? [] : line.split(" ");
}

function refusal(line: string | string[], env: Environment = {}): string {
  const error = assertThrows(() => read(line, env), OptionError);
  // deno-lint-ignore no-control-regex -- one line, without commands to terminals
  assertNotMatch(error.message, /[\0-\x1f\x7f]/);
  return error.message;
}

Deno.test("options are read in every form people write them in", () => {
  for (
    const [line, expected] of [
      ["", {}],
      // Values: apart, attached, with "=".
      ["--port 8080", { port: 8080 }],
      ["--port=8080", { port: 8080 }],
      ["-p 8080", { port: 8080 }],
      ["-p8080", { port: 8080 }],
      ["-p=8080", { port: 8080 }],
      ["-port 8080", { port: 8080 }],
      ["-port=8080", { port: 8080 }],
      ["-I./lib", { lib: ["./lib"] }],
      ["-Ilib", { lib: ["lib"] }],
      ["-MFoo", { module: ["Foo"] }],
      ["-eapp", { eval: "app" }],
      [["-e(a) => a=1"], { eval: "(a) => a=1" }],
      [["-e", "a\n-b"], { eval: "a\n-b" }],
      ["--host=::1", { host: "::1" }],
      ["-h 0.0.0.0", { host: "0.0.0.0" }],
      ["-e=-1", { eval: "-1" }],
      ["-e -1", { eval: "-1" }],
      ["--eval=--port=1", { eval: "--port=1" }],
      ["--access-log -", { accessLog: "-" }],
      // Flags, alone and in clusters.
      ["-q", { quiet: true }],
      ["--quiet true", { quiet: true, _: ["true"] }],
      ["--quiet false", { quiet: true, _: ["false"] }],
      ["-qp8080", { quiet: true, port: 8080 }],
      ["-qp 8080", { quiet: true, port: 8080 }],
      ["-qIlib", { quiet: true, lib: ["lib"] }],
      ["--no-access-log", { noAccessLog: true }],
      ["--reuseport", { reuseport: true }],
      // Aliases.
      ["--listener_backlog 9", { listenerBacklog: 9 }],
      ["--listener-backlog 9", { listenerBacklog: 9 }],
      ["-b9", { listenerBacklog: 9 }],
      // Repetition.
      ["-Ia --lib b -I=c", { lib: ["a", "b", "c"] }],
      ["-I a,b", { lib: ["a,b"] }],
      ["-p1 --port 2", { port: 2 }],
      ["--port 2 -p1", { port: 1 }],
      ["-qq", { quiet: true }],
      // Positionals anywhere, and everything after "--".
      ["./app.ts -p 80", { port: 80, _: ["./app.ts"] }],
      ["A::B -q root=. -p 80 a=b", {
        quiet: true,
        port: 80,
        _: ["A::B", "root=.", "a=b"],
      }],
      ["-q -- --odd -- -x", { quiet: true, _: ["--odd", "--", "-x"] }],
      ["- 5 1e3 true", { _: ["-", "5", "1e3", "true"] }],
      [["a b", "", "😀", "\n"], { _: ["a b", "", "😀", "\n"] }],
      ["--", {}],
    ] as const
  ) {
    assertEquals(read(line as string | string[]), expected, String(line));
  }
});

Deno.test("a wrong command line is refused in one sentence", () => {
  const port = "is not a whole number from 0 to 65535";
  for (
    const [line, message] of [
      ["--port=-1", `--port: "-1" ${port}`],
      ["--port -1", `--port: "-1" ${port}`],
      ["--port=80a", `--port: "80a" ${port}`],
      ["--port=1e3", `--port: "1e3" ${port}`],
      ["--port=", `--port: "" ${port}`],
      ["-p=", `-p: "" ${port}`],
      ["-port=x", `-port: "x" ${port}`],
      ["--port=65536", `--port: "65536" ${port}`],
      [
        "--port=99999999999999999999",
        `--port: "99999999999999999999" ${port}`,
      ],
      [["--port=\0"], `--port: "\\u0000" ${port}`],
      [["-p😀"], `-p: "😀" ${port}`],
      // The last value counts, and is the one that is named.
      ["--port 80 -p x", `-p: "x" ${port}`],
      ["--host=", '--host: "" is not a host name or an IP address'],
      [
        "-h 127.0.0.1:80",
        '-h: "127.0.0.1:80" is not a host name or an IP address',
      ],
      [
        ["--host", "a\0"],
        '--host: "a\\u0000" is not a host name or an IP address',
      ],
      [["--host=😀"], '--host: "😀" is not a host name or an IP address'],
      [
        "--log-level loud",
        '--log-level: "loud" is not one of debug, info, warn, error',
      ],
      ["--lifespan=yes", '--lifespan: "yes" is not one of auto, on, off'],
      [
        "--loop Foo",
        '--loop: "Foo" is not one of Poll, EV, Epoll, UV, Select, KQueue',
      ],
      [
        "--timeout -5",
        '--timeout: "-5" is not a number of seconds from 0 to 2147483',
      ],
      [
        "--listener_backlog x",
        '--listener_backlog: "x" is not a whole number from 1 to 2147483647',
      ],
      ["-I= -q", '-I: "" is not a path'],
      ["-I a --lib= -I b", '--lib: "" is not a path'],
      [
        "--listen a:1 --listen 80",
        '--listen: "80" is not HOST:PORT, [IPV6]:PORT or unix:PATH',
      ],
      [
        "--socket-mode 888",
        '--socket-mode: "888" is not an octal mode from 000 to 777, as in 0660',
      ],
      ["--ssl-cert /no/cert.pem", '--ssl-cert: "/no/cert.pem": no such file'],
      ["--ssl-key=/", '--ssl-key: "/" is not a file'],
      // Values missing or too many.
      ["--pid", "--pid needs a value, a path"],
      ["-p", "-p needs a value, a whole number from 0 to 65535"],
      ["-qp", "-p needs a value, a whole number from 0 to 65535"],
      [
        "-h",
        "-h needs a value, a host name or an IP address; for help use --help",
      ],
      [
        "--pid -q",
        '--pid needs a value, a path; to give "-q", attach it with "="',
      ],
      [
        "-I -- x",
        '-I needs a value, a path; to give "--", attach it with "="',
      ],
      ["--quiet=1", '--quiet takes no value: "1"'],
      ["--quiet=", '--quiet takes no value: ""'],
      ["-q=0", '-q takes no value: "0"'],
      ["--no-access-log=0", '--no-access-log takes no value: "0"'],
      // Unknown options.
      ["--prot 80", 'unknown option "--prot"; did you mean --port?'],
      ["--prot=80", 'unknown option "--prot"; did you mean --port?'],
      [
        "--max-conn 5",
        'unknown option "--max-conn"; did you mean --max-connections?',
      ],
      [
        "--maxConnections 5",
        'unknown option "--maxConnections"; did you mean --max-connections?',
      ],
      // What other servers call it.
      ["-V", 'unknown option "-V"; did you mean --version?'],
      ["-?", 'unknown option "-?"; did you mean --help?'],
      ["--cert=x", 'unknown option "--cert"; did you mean --ssl-cert?'],
      ["--bind a:1", 'unknown option "--bind"; did you mean --listen?'],
      ["--uds a", 'unknown option "--uds"; did you mean --socket?'],
      ["--public", 'unknown option "--public"; did you mean --host 0.0.0.0?'],
      // As npm wants it.
      [
        "-- --port 80",
        '"--port" comes after "--", which ends the options; remove "--"',
      ],
      [
        "-- www -p 80",
        '"-p" comes after "--", which ends the options; remove "--"',
      ],
      ["--no-quiet", 'unknown option "--no-quiet"'],
      ["--future-xs", 'unknown option "--future-xs"'],
      ["--__proto__=1", 'unknown option "--__proto__"'],
      ["--constructor 1", 'unknown option "--constructor"'],
      ["--a.b=1", 'unknown option "--a.b"'],
      ["--=1", 'unknown option "--"'],
      ["---port=1", 'unknown option "---port"; did you mean --port?'],
      [["-q", `-${"q".repeat(100_000)}x`], 'unknown option "-x"'],
      ["-x", 'unknown option "-x"'],
      ["-qx", 'unknown option "-x"'],
      ["-x=1", 'unknown option "-x"'],
      ["-=", 'unknown option "-"'],
      [["-😀a"], 'unknown option "-😀"'],
      [["--\x1b[31m\n"], 'unknown option "--\\u001b[31m\\n"'],
      // Options that do not go together.
      [
        "--listen a:1 -p 80",
        "-p and --listen cannot be combined; give only one",
      ],
      [
        "--socket s --listen a:1",
        "--socket and --listen cannot be combined; give only one",
      ],
      ["--socket s -h ::", "-h and --socket cannot be combined; give only one"],
      ["-a x -e y", "-a and -e cannot be combined; give only one"],
      [
        "--access-log x --no-access-log",
        "--access-log and --no-access-log cannot be combined; give only one",
      ],
      ["--ssl-cert /dev/null", "--ssl-cert needs --ssl-key too"],
      ["--ssl-key /dev/null", "--ssl-key needs --ssl-cert too"],
      [
        "--write-low-watermark 70000",
        "--write-low-watermark (70000) must not be above --write-high-watermark (65536)",
      ],
      [
        "--write-high-watermark 100 --write-low-watermark 101",
        "--write-low-watermark (101) must not be above --write-high-watermark (100)",
      ],
    ] as const
  ) {
    assertEquals(refusal(line as string | string[]), message, String(line));
  }
});

Deno.test("-h sets the host (PAGI.md 105)", () => {
  const { settings, action } = parseCommandLine(["-h", "0.0.0.0"], {});
  assertEquals([settings.host, action], ["0.0.0.0", "run"]);
});

Deno.test("--help, --version and --probe win over everything that can be read", () => {
  for (
    const [line, action] of [
      ["--help", "help"],
      ["-help", "help"],
      ["--version", "version"],
      ["-v", "version"],
      ["-qv", "version"],
      ["--version --help", "help"],
      ["--probe http://[::1]:80/x?y --port=80a", "probe"],
      ["--probe unix:/a/b", "probe"],
      ["--probe http://a --help", "help"],
      ["--port=80a -w 4 --help", "help"],
      ["-p 80", "run"],
    ]
  ) {
    const parsed = parseCommandLine(words(line), {});
    assertEquals(parsed.action, action, line);
  }
  const { settings, sources } = parseCommandLine(["--help"], {
    PAGI_PORT: "x",
  });
  assertEquals([settings.port, sources.size], [5000, 0]);
});
