/** What the program writes to whom, and what it ends with. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { helpText } from "../../src/options/help.ts";
import { EXIT } from "../../src/cli/terminal.ts";
import { doors } from "../../src/engine/mod.ts";
import { VERSION } from "../../src/cli/version.ts";
import { join } from "../../src/std/path.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { Program, runProgram, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

/** For `3<>pipe >pipe 3<&-`: a pipe whose only reader leaves at once. */
const LEFT_PIPE = "mkfifo pipe;";
const FILES = { "page.txt": "a page" };

Deno.test("help, --version and version go to stdout and exit with 0", async () => {
  const help = await runProgram(["help"]);
  assertEquals(help, {
    code: EXIT.ok,
    signal: null,
    stdout: helpText(),
    stderr: "",
  });
  for (const option of ["-v", "--version", "version"]) {
    const { code, stdout, stderr } = await runProgram([option]);
    assertEquals([code, stderr], [EXIT.ok, ""]);
    assertEquals(stdout.split(" (")[0], `pagi-server ${VERSION}`);
    assertMatch(stdout, /^\S+ \S+ \(Deno [\d.]+, \S+\)\n$/);
  }
});

Deno.test("--version --verbose lists what is used of Deno's internals, one a line", async () => {
  const { code, stdout } = await runProgram(["--version", "--verbose"]);
  const [version, , ...lines] = stdout.trimEnd().split("\n");
  assertEquals([code, version.split(" (")[0]], [
    EXIT.ok,
    `pagi-server ${VERSION}`,
  ]);
  assertEquals(lines.length, doors().length);
  for (const [index, { facts: { name } }] of doors().entries()) {
    assertMatch(lines[index], /^ {2}(open|shut) {2}/);
    assertEquals(lines[index].slice(8).split(":")[0], name);
  }
});

Deno.test("--verbose alone is refused, with what is probably meant", async () => {
  const { code, stderr } = await runProgram(["--verbose"]);
  assertEquals(code, EXIT.usage);
  assertMatch(stderr, /only works with --version; .* --log-level/);
});

Deno.test("one line of the debug log says what of Deno's internals is used", async () => {
  await using program = await startProgram(["-p0", "--log-level", "debug"]);
  await program.logged(/Ready/);
  const lines = program.log.split("\n").filter((line) =>
    line.includes("--version --verbose")
  );
  assertEquals(lines.length, 1);
  assertMatch(lines[0], / debug Deno [\d.]+: \d+ of \d+ /);
});

Deno.test("help that nobody reads to its end is no error", async () => {
  const shell = `${LEFT_PIPE} "$@" 3<>pipe >pipe 3<&-; echo "exit $?" >&2`;
  const { stderr } = await runProgram(["--help"], { shell });
  assertEquals(stderr, "exit 0\n");
});

Deno.test("the banner says what is served, where, with what limits and in which mode", async () => {
  await using program = await startProgram(
    ["-p0", "PAGI::App::Directory", "root=.", "--max-connections", "12"],
    { env: { PAGI_MAX_BODY_SIZE: "1500", PAGI_TIMEOUT: "0" } },
  );
  await program.logged(/Ready/);
  // Whether others could connect depends on this machine.
  const banner = program.log.trimEnd().split("\n")
    .filter((line) => !line.startsWith("  others "));
  assertMatch(
    banner.pop()!,
    /^\S+Z info {2}Ready at http:\/\/127\.0\.0\.1:\d+\/$/,
  );
  assertEquals(banner, [
    `pagi-server ${VERSION}`,
    "  serving PAGI::App::Directory root=.",
    `  at      ${program.url}/`,
    "  limits  12 connections, request bodies up to 1.5 kB",
    "  mode    production",
    "  stop it with Ctrl-C",
  ]);
});

Deno.test("pagi-server.toml in the current folder is read, which the banner says", async () => {
  const files = { "pagi-server.toml": "port = 0\n[app]\ntitle = 'Mine'\n" };
  await using program = await startProgram([], { files });
  assertMatch(program.log, /^ {2}config {2}pagi-server\.toml$/m);
  assertStringIncludes(await (await fetch(program.url)).text(), "Mine");
});

Deno.test("pagi-server.toml that every user can write to stops the start", async () => {
  const files = { "pagi-server.toml": "port = 0\n" };
  const shell = 'chmod 666 pagi-server.toml; exec "$@"';
  const { code, stderr } = await runProgram([], { files, shell });
  assertEquals(code, EXIT.usage);
  assertMatch(stderr, /every user may write to it; --config .* --no-config /);
});

Deno.test("--quiet leaves the banner out; the log still tells the real port", async () => {
  await using program = await startProgram(["-p", "0", "--quiet"]);
  assert(program.port > 0);
  assert(!program.log.includes("serving"), program.log);
  assertStringIncludes(await (await fetch(program.url)).text(), "<html");
});

Deno.test("--quiet and --log-level error: nothing is said while all is well", async () => {
  await using program = Program.spawn(
    ["--socket", "app.sock", "-q", "--log-level", "error", "--no-access-log"],
    { files: FILES },
  );
  const path = join(program.folder, "app.sock");
  await until(() =>
    RawConnection.open({ path }).then((connection) => {
      connection.close();
      return true;
    }, () => false)
  );
  const { code, stdout, stderr } = await program.stop();
  assertEquals([code, stdout, stderr], [0, "", ""]);
});

Deno.test("every line of the log has its time and level", async () => {
  await using program = await startProgram(
    ["-p0", "-q", "--log-level", "debug", "--no-access-log"],
  );
  const { stderr } = await program.stop();
  for (const line of stderr.trimEnd().split("\n")) {
    // Errors are printed below the line that tells of them.
    assertMatch(
      line,
      /^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:debug|info ) | {4})/,
    );
  }
});

/** Standard streams as a careless parent leaves them. */
const STREAMS: Record<string, string> = {
  "stdin closed": 'exec "$@" <&-',
  "stdout closed": 'exec "$@" >&-',
  "stdout a pipe that nobody reads":
    `${LEFT_PIPE} exec "$@" 3<>pipe >pipe 3<&-`,
};

for (const [name, shell] of Object.entries(STREAMS)) {
  Deno.test(`with ${name} it serves`, async () => {
    const files = {
      "app.js": `export default { fetch() {
        console.log("a word on stdout");
        return new Response("served");
      } };`,
    };
    await using program = await startProgram(["./app.js", "-p0"], {
      files,
      shell,
    });
    for (let i = 0; i < 3; i++) {
      assertEquals(await (await fetch(program.url)).text(), "served");
    }
    assert(!program.log.includes("error"), program.log);
  });
}

Deno.test("when nobody reads stderr it serves all the same", async () => {
  const options = {
    files: FILES,
    shell: `${LEFT_PIPE} exec "$@" 3<>pipe 2>pipe 3<&-`,
  };
  await using program = Program.spawn(["--socket", "app.sock"], options);
  const path = join(program.folder, "app.sock");
  for (let i = 0; i < 3; i++) {
    await until(async () => {
      const connection = await RawConnection.open({ path }).catch(() => null);
      if (connection === null) return false;
      await connection.request("GET /page.txt");
      assertEquals((await connection.response()).body, "a page");
      connection.close();
      return true;
    });
  }
  assertEquals((await program.stop()).code, 0);
});

Deno.test("an option's environment variable counts, and the command line wins", async () => {
  await using program = await startProgram(["--max-connections", "30"], {
    env: { PAGI_PORT: "0", PAGI_MAX_CONNECTIONS: "20" },
  });
  assertStringIncludes(program.log, "limits  30 connections");
  const wrong = await runProgram([], { env: { PAGI_PORT: "many" } });
  assertEquals(wrong.code, EXIT.usage);
  assertMatch(
    wrong.stderr,
    /^pagi-server: environment variable PAGI_PORT: "many"/,
  );
});

Deno.test("--ssl-self-signed, --open and --qr: HTTPS, a browser and a code for a phone", async () => {
  const files = {
    "page.txt": "a page",
    "bin/xdg-open": '#!/bin/sh\necho "$1" >opened.part; mv opened.part opened',
  };
  await using program = await startProgram(
    [
      "page.txt",
      "-p0",
      "--host",
      "0.0.0.0",
      "--ssl-self-signed",
      "--open",
      "--qr",
    ],
    { files, shell: 'chmod +x bin/xdg-open; PATH="$PWD/bin:$PATH" exec "$@"' },
  );
  await program.logged(/Ready at https:/);
  await program.logged(/▀▀▀▀▀▀▀|There is no QR code/);
  await until(() => {
    try {
      const url = Deno.readTextFileSync(join(program.folder, "opened"));
      return /^https:\/\/localhost:\d+\/page\.txt\n$/.test(url);
    } catch {
      return false;
    }
  });
});
