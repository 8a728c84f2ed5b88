/** `--check` and `--print-config`. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { configText } from "../../src/cli/print_config.ts";
import { run } from "../../src/cli/run.ts";
import { EXIT } from "../../src/cli/terminal.ts";
import {
  type CommandLine,
  parseCommandLine,
  readArguments,
  resolveArguments,
} from "../../src/options/command_line.ts";
import { ConfigFile } from "../../src/options/config_file.ts";
import { parseAppSpec } from "../../src/loader/app_spec.ts";
import { runProgram } from "../helpers/run_program.ts";

/** What counts of a command line: settings, which are given, the app. */
function meaning({ settings, sources, positionals }: CommandLine) {
  const { config: _config, app, ...others } = settings;
  const given = [...sources.keys()].filter((key) =>
    key !== "app" && key !== "config"
  );
  return {
    others,
    given: given.sort(),
    app: others.eval === null && parseAppSpec(positionals, app, () => null),
  };
}

Deno.test("what --print-config prints is read by --config to the same settings", async () => {
  const [cert] = [Deno.makeTempFileSync()];
  const lines = [
    [],
    ["./app.ts", "a=b", "c=d=e", 'quo"ted=\x7f\\\n'],
    ["-e", "async () => {}", "-M", "a", "-M", "b", "-I", "x,y"],
    ["PAGI::App::Redirect", "location=https://example.com"],
    ["--listen", "[::1]:80", "--listen", "unix:/a b", "--socket-mode", "0600"],
    ["-w", "4", "-q", "--timeout", "1.5", "--header", "X-A: b, c", "--pid=x"],
    ["--proxy-headers", "--trusted-proxies", "10.0.0.0/8,unix:", "--http2"],
    ["--ssl-cert", cert, "--ssl-key", cert, "--log-file", "-"],
    [
      "PAGI::App::URLMap",
      "/a=PAGI::App::File,root=x,index=a,b",
      "//h:1/=./b.ts,x=1",
      "default=PAGI::App::Cascade",
    ],
    ["PAGI::App::Cascade", "1=PAGI::App::File,root=a", "2=./b.ts", "catch=404"],
  ];
  try {
    for (const args of lines) {
      const line = parseCommandLine(args, { PAGI_WORKERS: "3" });
      const text = await configText(line, line.settings);
      const config = new ConfigFile("x.toml", text);
      const again = resolveArguments(readArguments([]), {}, config);
      assertEquals(meaning(again), meaning(line), text);
    }
  } finally {
    Deno.removeSync(cert);
  }
});

Deno.test("a word without key= is printed as the option that it is", async () => {
  const line = parseCommandLine(["PAGI::App::File", "public"], {});
  const text = await configText(line, line.settings);
  assert(text.endsWith('[app]\nname = "PAGI::App::File"\nroot = "public"\n\n'));
});

Deno.test("each printed setting says where it comes from", async () => {
  const line = resolveArguments(
    readArguments(["-p", "80"]),
    { PAGI_WORKERS: "3" },
    new ConfigFile("x.toml", '# file\nhost = "::1"'),
  );
  const text = await configText(line, line.settings);
  for (
    const pattern of [
      /^port = 80 +# command line: -p$/m,
      /^workers = 3 +# environment variable PAGI_WORKERS$/m,
      /^host = "::1" +# x\.toml, line 2$/m,
      /^# timeout = 60 +# default$/m,
      /^# pid is not set +# default$/m,
    ]
  ) assertMatch(text, pattern);
});

Deno.test("--check starts and stops the app, and leaves nothing behind", async () => {
  const files = {
    "app.js": `console.log("loaded");
    export default async (scope, receive, send) => {
      for (;;) {
        const { type } = await receive();
        console.log(type);
        await send({ type: type + ".complete" });
        if (type === "lifespan.shutdown") return;
      }
    }; setInterval(() => {}, 1000);`,
  };
  const shell = '"$@"; code=$?; ls >&2; exit $code';
  const { code, stdout, stderr } = await runProgram(
    ["./app.js", "--check", "-p0", "--socket-mode=600", "--log-file=l.log"],
    { files, shell },
  );
  assertEquals([code, stderr], [EXIT.ok, "app.js\n"]);
  assertMatch(stdout, /^port = 0 /m);
  assertMatch(
    stdout,
    /loaded\nlifespan\.startup\nlifespan\.shutdown\n# ok: app/,
  );
});

Deno.test("--check tells of everything that would stop the start, and exits with 1", async () => {
  using taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = taken.addr;
  const files = {
    "app.js": `export default async (scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.failed", message: "no database" });
    };`,
    "key.pem": "no key",
  };
  const { code, stdout, stderr } = await runProgram([
    "./app.js",
    ...[
      "--check",
      "--ssl-cert=key.pem",
      "--ssl-key=key.pem",
      "--user=nobody-x",
    ],
    ...["--listen", `127.0.0.1:${port}`, "--listen", "unix:./none/a.sock"],
    ...["--log-file", ".", "--access-log", "none/a.log", "--pid", "a.pid"],
  ], { files });
  assertEquals(code, EXIT.failure);
  for (
    const text of [
      "nobody-x",
      "key.pem",
      `127.0.0.1:${port}: `,
      "there is no directory ./none",
      "is a directory. Name a file.",
      "--access-log: there is no directory none",
      "no database",
    ]
  ) assertStringIncludes(stderr, text);
  assertEquals(stdout.match(/^# problem: /gm)?.length, 7);
  assert(stdout.includes("# ok: --pid a.pid"), stdout);
});

Deno.test("--check exits with 1 for a wrong option, too", async () => {
  assertEquals(await run(["--check", "--prot=1"], {}), EXIT.failure);
});

Deno.test("--check exits with 1 where the app ends the process", async () => {
  for (const code of ["Deno.exit(0)", "process.exit(0)"]) {
    const outcome = await runProgram(["./app.js", "--check", "-p0"], {
      files: { "app.js": code },
    });
    assertEquals(outcome.code, EXIT.failure, code);
    assertStringIncludes(outcome.stdout, "# problem: app, its start");
    assertStringIncludes(outcome.stderr, "The app ended the process");
  }
});
