/** How a server with workers stops. */

import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
} from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS = { files: { "app.js": workerApp() } };
const ARGS = ["-p", "0", "--no-access-log", "-w", "2", "./app.js"];

function open({ port }: Program): Promise<RawConnection> {
  return RawConnection.open({ host: "127.0.0.1", port });
}

Deno.test("TERM drains all workers: requests finish, streams end, WebSockets get 1001, and the apps shut down last (PAGI.md 89, 91, 92)", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const running: RawConnection[] = [];
  const streams: RawConnection[] = [];
  const sockets: RawWebSocket[] = [];
  for (let count = 0; count < 6; count++) {
    running.push(await open(program));
    await running[count].request("GET /sleep/0.7");
    streams.push(await open(program));
    await streams[count].request("GET /", "accept: text/event-stream");
    await streams[count].until("data: ");
    sockets.push(await RawWebSocket.open(await open(program)));
    await sockets[count].frame();
  }
  program.signal("SIGTERM");
  await program.logged(/SIGTERM: stopping/);
  await Promise.all(sockets.map((socket) => socket.frame())).then((frames) => {
    for (const frame of frames) {
      assertEquals(frame?.opcode, 8);
      assertEquals(frame?.payload.slice(0, 2), "\x03\xE9"); // 1001
    }
  });
  await until(() =>
    open(program).then((one) => (one.close(), false), () => true)
  );
  for (const connection of running) {
    assertMatch((await connection.response()).body, /^one worker [12]$/);
    assert(await connection.ended());
  }
  for (const stream of streams) assert(await stream.ended());
  for (const socket of sockets) socket.connection.close();
  const { code, stderr } = await program.ended();
  assertEquals(code, 0);
  assertEquals(stderr.match(/sse server_shutdown/g)?.length, 6);
  assertEquals(stderr.match(/websocket 1006 server_shutdown/g)?.length, 6);
  assertEquals(stderr.match(/app: shutdown 1/g)?.length, 2);
  for (const connection of [...running, ...streams]) connection.close();
});

Deno.test("what is left at the end of --shutdown-timeout is named with its worker, path and age, and cut", async () => {
  const args = ["--shutdown-timeout", "0.5", ...ARGS];
  await using program = await startProgram(args, OPTIONS);
  const connection = await open(program);
  await connection.request("GET /sleep/60");
  await program.logged(/sleep in/);
  const { code, stderr } = await program.stop();
  assertEquals(code, 0);
  assertMatch(
    stderr,
    / warn {2}Worker [12]: Still running .*: GET \/sleep\/60 \(\d+\.\d s, response \w+\)/,
  );
  assert(await connection.ended());
  connection.close();
});

Deno.test("a worker that is replaced names what it could not finish, too", async () => {
  const args = ["--shutdown-timeout", "0.5", ...ARGS];
  await using program = await startProgram(args, OPTIONS);
  const connection = await open(program);
  await connection.request("GET /sleep/60");
  const [, number] = await program.logged(/sleep in (\d)/);
  program.signal("SIGHUP");
  await program.logged(
    new RegExp(` warn {2}Worker ${number}: Still running .* GET /sleep/60 `),
  );
  assert(await connection.ended());
  connection.close();
  assertEquals((await program.stop()).code, 0);
});

Deno.test("a second TERM forces all workers", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const connection = await open(program);
  await connection.request("GET /sleep/60");
  await program.logged(/sleep in/);
  program.signal("SIGTERM");
  await program.logged(/SIGTERM: stopping/);
  const began = performance.now();
  const { code, stderr } = await program.stop();
  assertLess(performance.now() - began, 10_000);
  assertEquals(code, 0);
  assertMatch(stderr, / warn {2}Worker [12]: Still running .*GET \/sleep\/60/);
  connection.close();
});

Deno.test("TERM while workers start stops at once", async () => {
  const app = workerApp().replace(
    "say(type.slice(9)",
    `if (type === "lifespan.startup") { say("starting"); await pause(20); }
      say(type.slice(9)`,
  );
  await using program = await startProgram(ARGS, OPTIONS);
  Deno.writeTextFileSync(`${program.folder}/app.js`, app);
  program.signal("SIGTTIN");
  await program.logged(/app: starting/);
  const began = performance.now();
  const { code, stderr } = await program.stop();
  assertLess(performance.now() - began, 10_000);
  assertEquals(code, 0);
  assert(!stderr.includes(" error "), stderr);
});
