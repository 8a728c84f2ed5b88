/** Workers whose event loop does not turn. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { Load } from "../helpers/load.ts";
import { OtherProcess } from "../helpers/other_process.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { delay, until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const FILES = { "app.js": workerApp() };
const ARGS = ["-p", "0", "--no-access-log", "-w", "2", "./app.js"];

/** Sends a request and reads no answer. */
async function send(
  { port }: Program,
  target: string,
): Promise<RawConnection> {
  const address = { host: "127.0.0.1", port };
  const connection = await RawConnection.open(address);
  await connection.request(`GET ${target}`);
  return connection;
}

Deno.test({
  name:
    "while (true) {}: the others go on, the blocked worker is spared and replaced, and a fresh process ends its thread (PAGI.md 96)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const args = ["--heartbeat-timeout", "2.5", ...ARGS];
    await using program = await startProgram(args, { files: FILES });
    const address = { host: "127.0.0.1", port: program.port };
    const old = new OtherProcess(program.pid);
    const blocked = await send(program, "/block");
    const [, number] = await program.logged(/block in (\d)/);
    const began = performance.now();
    await program.logged(/Worker \d is busy and gets no new connections/);
    await delay(50); // it is steered
    const load = new Load(address, { kept: 0 });
    await program.logged(/not responded for more than 2\.5 s .*is replaced/);
    await program.logged(/ info {2}Workers: 2\./);
    await load.more(100);
    const [, pid] = await program.logged(
      / info {2}Process (\d+) has taken over/,
    );
    await using successor = new OtherProcess(Number(pid));
    await old.ended();
    assert(performance.now() - began < 25_000);
    await load.more(100);
    const { failures, bodies } = await load.stop();
    assertEquals(failures, []);
    assert(bodies.has(`one worker ${3 - Number(number)}`));
    assertMatch(
      program.log,
      / error The thread of worker \d cannot be terminated/,
    );
    blocked.close();
    successor.signal("SIGTERM");
    await successor.ended();
  },
});

Deno.test("a second TERM also ends what a blocked worker would hold up", async () => {
  const args = ["--shutdown-timeout", "0", "--heartbeat-timeout", "0", ...ARGS];
  await using program = await startProgram(args, { files: FILES });
  const blocked = await send(program, "/block");
  await program.logged(/block in/);
  program.signal("SIGTERM");
  await program.logged(/SIGTERM: stopping/);
  const { code } = await program.stop();
  assertEquals(code, 0);
  blocked.close();
});

Deno.test("a slow start does not count as blocked", async () => {
  const app = `${workerApp()}
    block(1500);`;
  const args = ["--heartbeat-timeout", "0.5", ...ARGS];
  await using program = await startProgram(args, { files: { "app.js": app } });
  program.signal("SIGTTIN");
  await program.logged(/ info {2}Workers: 3\./);
  const { code, stderr } = await program.stop();
  assertEquals(code, 0);
  assert(!stderr.includes("not responded"), stderr);
});

Deno.test({
  name: "a process that was stopped and continued keeps its workers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const args = ["--heartbeat-timeout", "0.5", ...ARGS];
    await using program = await startProgram(args, { files: FILES });
    program.signal("SIGSTOP");
    await delay(800);
    program.signal("SIGCONT");
    const load = new Load({ host: "127.0.0.1", port: program.port });
    await load.more(50);
    await delay(700);
    assertEquals((await load.stop()).failures, []);
    const { stderr } = await program.stop();
    assert(!stderr.includes("not responded"), stderr);
  },
});

Deno.test("a worker that is only late gets connections again", async () => {
  // Blocked until the server has noticed it, long before the timeout.
  const app = `import { existsSync } from "node:fs";
    ${workerApp()}`.replace("for (;;)", 'while (!existsSync("noticed"))');
  const args = ["--heartbeat-timeout", "10", ...ARGS];
  await using program = await startProgram(args, { files: { "app.js": app } });
  const blocked = await send(program, "/block");
  const [, number] = await program.logged(/block in (\d)/);
  await program.logged(/Worker \d is busy and gets no new connections/);
  Deno.writeTextFileSync(`${program.folder}/noticed`, "");
  assertEquals((await blocked.response()).status, 200);
  blocked.close();
  await program.logged(/Worker \d gets new connections/);
  const load = new Load({ host: "127.0.0.1", port: program.port }, { kept: 0 });
  await load.more(30);
  await until(async () => {
    const connection = await send(program, "/");
    const { body } = await connection.response();
    connection.close();
    return body === `one worker ${number}`;
  });
  assertEquals((await load.stop()).failures, []);
});
