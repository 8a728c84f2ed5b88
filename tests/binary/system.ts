/**
 * What the executable does with the system: protocols, workers, signals,
 * processes of its own, users, and what it reads.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { CERTIFICATE, certificateFiles } from "../helpers/certificate.ts";
import { Daemon } from "../helpers/daemon.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";
import { BareRoot, HAS_CHROOT } from "./bare_root.ts";
import { alone, binaryTest } from "./binary_test_case.ts";
import { EXECUTABLE } from "./build.ts";

const QUIET = ["-p", "0", "--no-access-log"];
const APP = { "app.js": workerApp("one") };
/** Workers that share a port, and processes started anew, take it. */
const linux = Deno.build.os === "linux";

async function answer(url: string): Promise<string> {
  // A connection of its own: kept ones stay with their worker.
  const response = await fetch(url, { headers: { connection: "close" } });
  return await response.text();
}

function change(folder: string, version: string): void {
  Deno.writeTextFileSync(`${folder}/app.js`, workerApp(version));
}

binaryTest("speaks TLS, HTTP/2 and WebSocket over it", async () => {
  using files = certificateFiles();
  await using program = await startProgram([
    ...QUIET,
    "--ssl-cert",
    files.sslCert,
    "--ssl-key",
    files.sslKey,
    "./app.js",
  ], alone(APP));
  using client = Deno.createHttpClient({ caCerts: [CERTIFICATE] });
  const response = await fetch(program.url, { client });
  assertEquals(await response.text(), "one worker null");
  const connection = await RawConnection.openTls(
    { host: "127.0.0.1", port: program.port },
    CERTIFICATE,
  );
  const socket = await RawWebSocket.open(connection);
  assertEquals(await socket.message(), "worker null");
  connection.close();
});

binaryTest(
  "serves WebSockets and event streams, and ends them with 1001 on TERM",
  async () => {
    await using program = await startProgram(
      [...QUIET, "./app.js"],
      alone(APP),
    );
    const { port } = program;
    const connection = await RawConnection.open({ host: "127.0.0.1", port });
    const socket = await RawWebSocket.open(connection);
    assertEquals(await socket.message(), "worker null");
    const stream = await fetch(program.url, {
      headers: { accept: "text/event-stream" },
    });
    const reader = stream.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    assertEquals((await reader.read()).value, "data: worker null\n\n");
    program.signal("SIGTERM");
    assertEquals((await socket.closed())?.code, 1001);
    while (!(await reader.read()).done);
    connection.close();
    assertEquals((await program.ended()).code, 0);
  },
);

binaryTest(
  "runs several workers, and HUP and USR2 load changed code",
  async () => {
    await using daemon = await Daemon.start(
      [...QUIET, "-w", "2", "./app.js"],
      alone(APP),
    );
    const { url, folder } = daemon;
    const seen = new Set<string>();
    await until(async () => seen.add(await answer(url)).size === 2);
    change(folder, "two");
    Deno.kill(daemon.pid, "SIGHUP");
    await until(async () => (await answer(url)).startsWith("two"));
    change(folder, "three");
    await daemon.renew();
    assert((await answer(url)).startsWith("three"));
    await daemon.stop();
    assertEquals(daemon.pidFile() ?? "", "");
  },
  linux,
);

binaryTest("gives up root for --user, workers and the port kept", async () => {
  await using program = await startProgram([
    ...QUIET,
    "-w",
    "2",
    "--user",
    "nobody",
    "-e",
    "({ fetch: () => new Response(String(Deno.uid())) })",
  ], alone());
  assertEquals(await answer(program.url), "65534");
  program.signal("SIGHUP");
  await program.logged(/replaced|fresh|new workers|Worker 3/i);
  assertEquals(await answer(program.url), "65534");
}, HAS_CHROOT);

binaryTest(
  "needs nothing but the C library and the name of its own file: no /etc, /dev, /sys or temp folder",
  async () => {
    using root = new BareRoot(EXECUTABLE!, {
      "srv/a.txt": "a",
      "srv/app.js": workerApp("one"),
    });
    const { shell, executable } = root;
    const start = (...args: string[]): Promise<Program> =>
      startProgram([...QUIET, ...args], { ...alone(), shell, executable });
    {
      await using program = await start("root=/srv");
      assertStringIncludes(await answer(program.url), "a.txt");
      assertEquals(await answer(`${program.url}/a.txt`), "a");
    }
    {
      await using program = await start("-w", "2", "/srv/app.js");
      assertStringIncludes(await answer(program.url), "one worker");
      assertEquals((await program.stop()).code, 0);
    }
  },
  HAS_CHROOT,
);
