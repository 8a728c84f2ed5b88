/** The files in deploy/, as far as they can be checked without systemd. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
} from "../src/std/assert.ts";
import { parseCommandLine } from "../src/options/command_line.ts";

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

/** What a command prints, and whether it went well; null without it. */
async function output(
  command: string,
  ...args: string[]
): Promise<{ success: boolean; text: string } | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args,
    }).output();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
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

Deno.test("systemd finds nothing wrong with the unit", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // Verified with a program that is there.
    const unit = UNIT.replace("/usr/local/bin/pagi-server", "/bin/true");
    const path = `${folder}/pagi-server.service`;
    await Deno.writeTextFile(path, unit);
    const result = await output("systemd-analyze", "verify", "--man=no", path);
    if (result === null) return; // not installed
    assert(result.success, result.text);
    assert(!result.text.includes("pagi-server.service:"), result.text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the rotation is of the unit's log, and ends with a HUP", async () => {
  const [file] = ROTATION.split(" ");
  assert(directive("ExecStart").includes(`--access-log ${file}`));
  assertMatch(ROTATION, /postrotate\n.*signal=HUP pagi-server\.service\n/);
  const path = new URL("pagi-server.logrotate", FOLDER).pathname;
  const result = await output("logrotate", "--debug", path);
  if (result === null) return; // not installed
  assert(!/^error:(?!.*unknown user)/m.test(result.text), result.text);
});
