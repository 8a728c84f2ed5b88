/** Several workers that accept from one Unix socket. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { Load } from "../helpers/load.ts";
import { NGINX, Nginx } from "../helpers/nginx.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { type ProgramOptions, startProgram } from "../helpers/run_program.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp("one") } };
const ARGS = ["--socket", "./socket", "--no-access-log", "-w", "2", "./app.js"];
const ignore = Deno.build.os !== "linux";

/** The names in a folder, without the app. */
function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name !== "app.js");
}

Deno.test({
  name:
    "two workers share a Unix socket; HUP, TTIN and TTOU under load lose no request",
  ignore,
  async fn() {
    const args = ["--socket-mode", "0666", ...ARGS];
    await using program = await startProgram(args, OPTIONS);
    const path = `${program.folder}/socket`;
    assertEquals(names(program.folder), ["socket"]);
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o666);
    const load = new Load({ path });
    await load.more(200);
    Deno.writeTextFileSync(`${program.folder}/app.js`, workerApp("two"));
    program.signal("SIGHUP");
    await program.logged(/replaces worker 1: SIGHUP/);
    await program.logged(/replaces worker 2: SIGHUP/);
    program.signal("SIGTTIN");
    await program.logged(/ info {2}Workers: 3\./);
    program.signal("SIGTTOU");
    await program.logged(/ info {2}Workers: 2\./);
    await load.more(200);
    const { failures, bodies, reopened } = await load.stop();
    assertEquals(failures, []);
    assertEquals(reopened, 0);
    for (const body of ["one worker 1", "one worker 2", "two worker 3"]) {
      assert(bodies.has(body), [...bodies.keys()].join());
    }
    assertEquals((await program.stop()).code, 0);
    assertEquals(names(program.folder), []);
  },
});

Deno.test({
  name:
    "a worker that crashes leaves the socket to the others, and all at once keep it open",
  ignore,
  async fn() {
    await using program = await startProgram(ARGS, OPTIONS);
    const address = { path: `${program.folder}/socket` };
    const ask = async (target: string): Promise<string> => {
      const connection = await RawConnection.open(address);
      await connection.request(`GET ${target}`, "connection: close");
      const { body } = await connection.response().catch(() => ({ body: "" }));
      connection.close();
      return body;
    };
    assertEquals(await ask("/exit/1"), "");
    assertEquals(await ask("/exit/1"), "");
    // Nobody may be there to accept it: it waits.
    assertMatch(await ask("/"), /^one worker [34]$/);
    const connection = await RawConnection.open(address);
    const socket = await RawWebSocket.open(connection);
    assertMatch((await socket.frame())!.payload, /^worker \d$/);
    connection.close();
    assertEquals((await program.stop()).code, 0);
  },
});

Deno.test({
  name: "workers share ports and Unix sockets at once",
  ignore,
  async fn() {
    const args = ["--listen", "127.0.0.1:0", "--listen", "unix:./one.sock"];
    await using program = await startProgram(
      [...args, "--no-access-log", "-w", "2", "./app.js"],
      OPTIONS,
    );
    const load = new Load({ path: `${program.folder}/one.sock` });
    const other = new Load({ host: "127.0.0.1", port: program.port });
    program.signal("SIGHUP");
    await program.logged(/replaces worker 1: SIGHUP/);
    await program.logged(/replaces worker 2: SIGHUP/);
    assertEquals((await load.stop()).failures, []);
    assertEquals((await other.stop()).failures, []);
    assertEquals((await program.stop()).code, 0);
    assertEquals(names(program.folder), []);
  },
});

Deno.test({
  name: "nginx before a Unix socket with two workers loses no request over HUP",
  ignore: NGINX === null,
  async fn() {
    await using program = await startProgram(ARGS, OPTIONS);
    Deno.chmodSync(program.folder, 0o755);
    await using nginx = await Nginx.start(
      `location / { proxy_pass http://unix:${program.folder}/socket:; }`,
    );
    const load = new Load({ host: "127.0.0.1", port: nginx.port });
    await load.more(50);
    program.signal("SIGHUP");
    await program.logged(/replaces worker 1: SIGHUP/);
    await program.logged(/replaces worker 2: SIGHUP/);
    await load.more(50);
    assertEquals((await load.stop()).failures, []);
  },
});
