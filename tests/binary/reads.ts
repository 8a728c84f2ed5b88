/**
 * What the executable reads besides itself: what the user names, and what the
 * C library and the engine ask the system.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { startProgram } from "../helpers/run_program.ts";
import { workerApp } from "../helpers/worker_app.ts";
import { alone, binaryTest } from "./binary_test_case.ts";
import { EXECUTABLE } from "./build.ts";

/** The places, and who asks there for what. */
const EXPECTED: readonly RegExp[] = [
  // The loader: the C library and libgcc_s.
  /^\/etc\/ld\.so\.(?:cache|preload)$/,
  /\/lib(?:c|m|dl|rt|pthread|gcc_s)\.so\.\d+$/,
  // V8 and tokio: processors and memory, within the limits of a container.
  /^\/proc\/(?:meminfo|self\/(?:maps|cgroup))$/,
  /^\/sys\/(?:fs\/cgroup|devices\/system\/cpu)\//,
  // Random numbers, and the time zone for an app's dates.
  /^\/dev\/u?random$/,
  /^(?:\/etc\/localtime|\/usr\/share\/zoneinfo\/.*)$/,
  // The server: how it was started, how many descriptors it may have, which
  // connections there are, how much memory it takes, what its descriptors are,
  // and files in folders that it holds open.
  /^\/proc\/self\/(?:exe|cmdline|limits|statm|fdinfo\/\d+|fd\/?(?:\d+)?(?:\/log)?)$/,
  // The guard of a worker: its descriptors, and whether its thread is there.
  /^\/proc\/(?:thread-self(?:\/fd)?|\d+\/task\/\d+\/cwd)$/,
];

const hasStrace = Deno.build.os === "linux" &&
  new Deno.Command("sh", { args: ["-c", "strace true"] }).outputSync().success;

binaryTest(
  "reads nothing but itself, what the user names, and what the system tells of itself",
  async () => {
    await using program = await startProgram(
      ["-p", "0", "-w", "2", "--access-log", "log", "./app.js"],
      {
        ...alone({ "app.js": workerApp("one"), "package.json": "{}" }),
        shell: 'exec strace -D -f -o trace -e trace=%file -- "$@"',
      },
    );
    assertMatch(await (await fetch(program.url)).text(), /^one worker \d/);
    await program.stop();
    const { folder } = program;
    const named = [EXECUTABLE!, `${folder}/app.js`, "./app.js", "log", folder];
    // The first tells whether the app is CommonJS, the second the options.
    named.push(`${folder}/package.json`, "pagi-server.toml");
    // The way to the log's folder is walked step by step.
    named.push("/", ...folder.split("/"));
    const calls = program.read("trace").matchAll(/\w+\([^"\n]*"([^"]*)"/g);
    const seen = new Set([...calls].map(([, path]) => path));
    assert(seen.has(`${folder}/app.js`));
    const others = seen.difference(
      new Set([...named, "", `${folder}/`, `${folder}/log`]),
    );
    assertEquals(
      [...others].filter((path) => !EXPECTED.some((place) => place.test(path))),
      [],
    );
  },
  hasStrace,
);
