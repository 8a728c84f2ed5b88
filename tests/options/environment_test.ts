import { assertEquals, assertThrows } from "../../src/std/assert.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import type { Environment } from "../../src/options/command_line.ts";
import { KEYS, NAMED } from "../../src/options/names.ts";
import { longName } from "../../src/options/table.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { Settings } from "../../src/options/settings.ts";

function read(line: string, env: Environment): Partial<Settings> {
  const args = line === "" ? [] : line.split(" ");
  const { settings, sources } = parseCommandLine(args, env);
  return Object.fromEntries(
    [...sources.keys()].map((key) => [key, settings[key]]),
  );
}

Deno.test("every option is taken from its variable, and the command line wins", () => {
  for (
    const [line, env, expected] of [
      ["", { PAGI_PORT: "80" }, { port: 80 }],
      ["-p 81", { PAGI_PORT: "80" }, { port: 81 }],
      ["-p 81", { PAGI_PORT: "nonsense" }, { port: 81 }],
      ["", { PAGI_MAX_CONNECTIONS: "200" }, { maxConnections: 200 }],
      ["", { PAGI_LISTENER_BACKLOG: "9" }, { listenerBacklog: 9 }],
      ["", { PAGI_LIB: "./a,./b" }, { lib: ["./a", "./b"] }],
      ["-Ic", { PAGI_LIB: "./a,./b" }, { lib: ["c"] }],
      ["", { PAGI_LISTEN: "[::1]:80,unix:/a" }, {
        listen: [{ host: "::1", port: 80 }, { path: "/a" }],
      }],
      ["", { PAGI_QUIET: "1" }, { quiet: true }],
      ["", { PAGI_QUIET: "0" }, { quiet: false }],
      ["", { PAGI_DAEMONIZE: "no" }, { daemonize: false }],
      // Empty means unset.
      ["", { PAGI_PORT: "", PAGI_HOST: "", PAGI_QUIET: "" }, {}],
      // Not ours: help, version, and what Perl's server knows.
      ["", { PAGI_VERSION: "1.2.3", PAGI_HELP: "1", PAGI_REUSE: "x" }, {}],
      ["", { PAGI_NO_SUCH: "1", PORT: "80", pagi_port: "80" }, {}],
      // What the command line excludes does not count.
      ["--socket s", { PAGI_HOST: "::", PAGI_PORT: "80" }, { socket: "s" }],
      ["-p 80", { PAGI_LISTEN: "a:1" }, { port: 80 }],
      ["--access-log x", { PAGI_NO_ACCESS_LOG: "1" }, { accessLog: "x" }],
      ["--no-access-log", { PAGI_ACCESS_LOG: "x" }, { noAccessLog: true }],
      ["", { PAGI_ACCESS_LOG: "x", PAGI_NO_ACCESS_LOG: "0" }, {
        accessLog: "x",
        noAccessLog: false,
      }],
    ] as const
  ) {
    assertEquals(read(line, env as Environment), expected, line);
  }
});

Deno.test("every option has a variable but those that run no server", () => {
  const settings = new Set(KEYS.map(longName));
  for (const name of NAMED.keys()) {
    const variable = `PAGI_${name.toUpperCase().replaceAll("-", "_")}`;
    const read = () => parseCommandLine([], { [variable]: "\0" });
    if (!settings.has(name)) read();
    else assertThrows(read, OptionError, `environment variable ${variable}: `);
  }
});

Deno.test("a wrong value of the environment is named as such", () => {
  for (
    const [line, env, message] of [
      [
        "",
        { PAGI_PORT: "tcp://10.0.0.1:80" },
        'environment variable PAGI_PORT: "tcp://10.0.0.1:80" is not a whole ' +
        "number from 0 to 65535",
      ],
      [
        "",
        { PAGI_QUIET: "maybe" },
        'environment variable PAGI_QUIET: "maybe" is not one of 1, true, yes, ' +
        "on, 0, false, no, off",
      ],
      [
        "",
        { PAGI_HOST: "::", PAGI_SOCKET: "s" },
        "environment variable PAGI_HOST and environment variable PAGI_SOCKET " +
        "cannot be combined; give only one",
      ],
      [
        "--ssl-key /dev/null",
        {},
        "--ssl-key needs --ssl-cert too",
      ],
      [
        "--write-low-watermark 9",
        { PAGI_WRITE_HIGH_WATERMARK: "8" },
        "--write-low-watermark (9) must not be above environment variable " +
        "PAGI_WRITE_HIGH_WATERMARK (8)",
      ],
    ] as const
  ) {
    const error = assertThrows(
      () => read(line, env as Environment),
      OptionError,
    );
    assertEquals(error.message, message);
  }
});

Deno.test("half of a TLS pair may come from the environment", () => {
  assertEquals(read("--ssl-key /dev/null", { PAGI_SSL_CERT: "/dev/null" }), {
    sslKey: "/dev/null",
    sslCert: "/dev/null",
  });
});

Deno.test("Perl's event loops are answered with a notice", () => {
  const asked = {
    level: "info",
    text: "loop EV has no effect: Deno has its own event loop",
  } as const;
  const noEffect = (assignment: string) => ({
    level: "warn",
    text: `${assignment} has no effect: Deno has its own event loop`,
  } as const);
  for (
    const [line, env, expected] of [
      ["", {}, []],
      ["-l ev", {}, [asked]],
      ["--loop EV", {}, [asked]],
      ["", { PAGI_LOOP: "EV" }, [asked]],
      ["", { IO_ASYNC_LOOP: "EV" }, [noEffect('IO_ASYNC_LOOP="EV"')]],
      ["", { IO_ASYNC_LOOP: "No,\n" }, [noEffect('IO_ASYNC_LOOP="No,\\n"')]],
      ["", { IO_ASYNC_LOOP: "", LIBEV_FLAGS: "" }, []],
      ["--loop=EV", { IO_ASYNC_LOOP: "Poll" }, [asked]],
      ["--loop=EV", { LIBEV_FLAGS: "8" }, [asked, noEffect('LIBEV_FLAGS="8"')]],
    ] as const
  ) {
    const args = line === "" ? [] : line.split(" ");
    const { notices } = parseCommandLine(args, env as Environment);
    assertEquals(notices, [...expected], line);
  }
});
