/** The files in deploy/, as far as they can be checked without systemd. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
} from "../src/std/assert.ts";
import { parseCommandLine } from "../src/options/command_line.ts";
import { runProgram, testWith } from "./helpers/programs.ts";
import { TempFolder } from "./helpers/temp_folder.ts";

const FOLDER = new URL("../deploy/", import.meta.url);
const UNIT = Deno.readTextFileSync(new URL("pagi-server.service", FOLDER));
const ROTATION = Deno.readTextFileSync(
  new URL("pagi-server.logrotate", FOLDER),
);

/** The value of a directive. */
function directive(name: string): string {
  const match = new RegExp(`^${name}=(.*)$`, "m").exec(UNIT);
  assert(match !== null, `${name} is missing`);
  return match[1];
}

Deno.test("the unit's command line is one that the server takes, and stops in time", () => {
  const [program, ...args] = directive("ExecStart").split(" ");
  assertMatch(program, /\/pagi-server$/);
  const { settings } = parseCommandLine(args, {});
  assertGreater(
    Number(directive("TimeoutStopSec")),
    2 * settings.shutdownTimeout + 2,
  );
  assertEquals(directive("KillSignal"), "SIGTERM");
  assertEquals(directive("ExecReload"), "/bin/kill -HUP $MAINPID");
});

Deno.test("the unit forbids nothing that the server needs", () => {
  assert(!/^(MemoryDenyWriteExecute|ProcSubset)=/m.test(UNIT));
  for (const family of ["AF_INET", "AF_INET6", "AF_UNIX"]) {
    assert(directive("RestrictAddressFamilies").split(" ").includes(family));
  }
  assertMatch(directive("AmbientCapabilities"), /CAP_NET_BIND_SERVICE/);
});

testWith(
  ["systemd-analyze"],
  "systemd finds nothing wrong with the unit",
  async () => {
    using folder = new TempFolder("pagi unit ");
    // Verified with a program that is there.
    const unit = UNIT.replace("/usr/local/bin/pagi-server", "/bin/true");
    const path = folder.write("pagi-server.service", unit);
    const result = await runProgram("systemd-analyze", [
      "verify",
      "--man=no",
      path,
    ]);
    assert(result.success, result.text);
    assert(!result.text.includes("pagi-server.service:"), result.text);
  },
);

Deno.test("the rotation is of the unit's log, and needs no signal", () => {
  const [, file] = /^(\/\S+) \{$/m.exec(ROTATION)!;
  assert(directive("ExecStart").includes(`--access-log ${file}`));
  assert(!ROTATION.includes("postrotate"));
  // The server goes on writing to the old file until it notices.
  assertMatch(ROTATION, /^ +delaycompress$/m);
});

testWith(
  ["logrotate"],
  "logrotate rotates the log as the file says",
  async () => {
    using folder = new TempFolder("pagi-rotation-");
    const log = folder.write("access.log", "a line\n");
    // The user of this test in place of that of an installed system.
    const config = ROTATION
      .replace(/^\/\S+/m, log)
      .replace(/^ *su .*\n/m, "");
    const path = folder.write("rotation", config);
    Deno.chmodSync(path, 0o644); // logrotate refuses files that others may write
    const args = ["--force", "--state", `${folder.path}/state`, path];
    const result = await runProgram("logrotate", args);
    assertEquals(result, { success: true, text: "" });
    assertEquals(Deno.readTextFileSync(`${log}.1`), "a line\n");
    const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
    assert(!names.includes("access.log"), "the server creates it");
  },
);

testWith(
  ["promtool"],
  "promtool finds the alerts right, and they fire when they should",
  async () => {
    const cwd = new URL("prometheus/", FOLDER);
    for (
      const args of [["check", "rules", "alerts.yml"], [
        "test",
        "rules",
        "alerts_test.yml",
      ]]
    ) {
      const { success, text } = await runProgram("promtool", args, { cwd });
      assert(success, text);
    }
  },
);

Deno.test("the image and the unit set DENO_LOG to the value in the documentation", () => {
  const read = (path: string): string | undefined =>
    /^.*\bDENO_LOG=(\S+)$/m.exec(
      Deno.readTextFileSync(new URL(path, FOLDER)),
    )?.[1];
  const documented = read("../docs/running.md");
  assertMatch(documented ?? "", /^info,h2::/);
  assertEquals(read("../Dockerfile"), documented);
  assertEquals(read("pagi-server.service"), documented);
});
