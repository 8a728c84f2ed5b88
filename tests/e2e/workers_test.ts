/** Several workers behind one address: their start, their load, their ends. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { CERTIFICATE, certificateFiles } from "../helpers/certificate.ts";
import { Load } from "../helpers/load.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import {
  type Program,
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp() } };
const ARGS = ["-p", "0", "--no-access-log", "-w", "2", "./app.js"];

function address({ port }: Program): { host: string; port: number } {
  return { host: "127.0.0.1", port };
}

/** The status of one answer; 0 where the connection ends without one. */
async function ask(program: Program, path: string): Promise<number> {
  const connection = await RawConnection.open(address(program));
  try {
    await connection.request(`GET ${path}`, "connection: close");
    return (await connection.response()).status;
  } catch {
    return 0;
  } finally {
    connection.close();
  }
}

Deno.test("two workers share the load, each with its own lifespan, number and modules (PAGI.md 90)", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  // Both had started when the first said that the server is ready.
  assertMatch(program.log, /app: startup 1 [12]\napp: startup 1 [12]\n/);
  const load = new Load(address(program), { target: "/seen" });
  await load.more(300);
  const { failures, bodies } = await load.stop();
  assertEquals(failures, []);
  let counted = 0;
  for (const worker of ["worker 1", "worker 2"]) {
    // Each has counted its own requests, from one on and none twice.
    const seen = [...bodies.keys()].filter((body) => body.includes(worker));
    assert(seen.length > 30, `${worker} was asked ${seen.length} times`);
    assert(bodies.has(`one ${worker} seen ${seen.length}`));
    counted += seen.length;
  }
  assertEquals(counted, bodies.size);
  assertEquals((await program.stop()).code, 0);
  assertMatch(program.log, /app: shutdown 1 [12]\napp: shutdown 1 [12]\n/);
});

Deno.test({
  name: "what workers write over TLS is sent at once",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const helper = new URL("../helpers/no_delay.ts", import.meta.url);
    const app = `
      import { connectionsWithoutDelay } from ${JSON.stringify(helper)};
      export default { fetch({ url }) {
        const port = Number(new URL(url).pathname.slice(1));
        return Response.json(connectionsWithoutDelay(port));
      } };`;
    using files = certificateFiles();
    const { sslCert, sslKey } = files;
    const args = [...ARGS, "--ssl-cert", sslCert, "--ssl-key", sslKey];
    await using program = await startProgram(args, {
      files: { "app.js": app },
    });
    const clients: RawConnection[] = [];
    let body = "";
    for (let i = 0; i < 8; i++) {
      const client = await RawConnection.openTls(address(program), CERTIFICATE);
      await client.request(`GET /${program.port}`);
      ({ body } = await client.response());
      clients.push(client);
    }
    assertEquals(JSON.parse(body), new Array(8).fill(true));
    for (const client of clients) client.close();
  },
});

Deno.test("a worker that cannot start does not stop the others; the log says why", async () => {
  const app = workerApp().replace(
    "await send",
    `if (worker_num === 1 && type === "lifespan.startup") {
      return send({ type: type + ".failed", message: "no database for 1" });
    }
    await send`,
  );
  await using program = await startProgram(ARGS, { files: { "app.js": app } });
  await program.logged(/ error Worker 1 did not start\. .*no database for 1/);
  assertEquals(await ask(program, "/"), 200);
  assertEquals((await program.stop()).code, 0);
});

Deno.test("when no worker can start it exits with 1 and says why, once", async () => {
  const app = `export default async (scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.failed", message: "no database" });
  };`;
  const { code, stderr } = await runProgram(ARGS, { files: { "app.js": app } });
  assertEquals(code, 1);
  assertEquals(stderr.split("no database").length, 2, stderr);
  assertMatch(stderr, /^pagi-server: .*no database/m);
});

Deno.test("a wrong command line exits with 2, and a syntax error in the app with 1, also with workers", async () => {
  const wrong = ["PAGI::App::Directory", "root=/", "colour=red"];
  const broken = { files: { "app.js": "export default (;" } };
  const [usage, syntax] = await Promise.all([
    runProgram(["-p", "0", "-w", "2", ...wrong]),
    runProgram(ARGS, broken),
  ]);
  assertEquals(usage.code, 2, usage.stderr);
  assertEquals(usage.stderr.trim().split("\n").length, 1, usage.stderr);
  assertStringIncludes(usage.stderr, "colour");
  assertEquals(syntax.code, 1);
  assertStringIncludes(syntax.stderr, "app.js");
});

Deno.test("a port on which others listen is refused, although they could share it", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const args = ["-p", `${program.port}`, "-w", "2", "./app.js"];
  const { code, stderr } = await runProgram(args, OPTIONS);
  assertEquals(code, 1);
  assertMatch(stderr, /^pagi-server: .*address already in use/m);
});

Deno.test("workers that end or break are replaced, and only their own requests are lost", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const load = new Load(address(program));
  await load.more(50);
  const steps: [path: string, status: number, pattern: RegExp][] = [
    ["/exit/3", 0, / is gone: its app called Deno\.exit\(3\)/],
    ["/nodeExit", 0, / is gone: .*Deno\.exit/],
    ["/throw", 200, / replaces worker \d+: an error escaped its app/],
    ["/close", 0, / is gone: its app called self\.close\(\)/],
  ];
  for (const [path, status, pattern] of steps) {
    const before = program.log.length;
    assertEquals(await ask(program, path), status, path);
    await until(() => {
      const log = program.log.slice(before);
      return pattern.test(log) && / info {2}Work.* (2\.|replaces) ?/.test(log);
    });
    await load.more(20);
  }
  const { failures } = await load.stop();
  // No more than what ran in the two that ended: five clients each.
  assert(failures.length <= 10, failures.join("\n"));
  assertMatch(program.log, /error Worker \d+: The app threw outside/);
});

Deno.test("a rejected promise that nobody waits for is logged, and its worker goes on with its WebSockets", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const sockets: RawWebSocket[] = [];
  for (let count = 0; count < 4; count++) {
    const connection = await RawConnection.open(address(program));
    sockets.push(await RawWebSocket.open(connection));
    await sockets[count].frame(); // the greeting
  }
  assertEquals(await ask(program, "/reject"), 200);
  await program.logged(
    / error Worker \d: A promise of the app was rejected.*\n {4}Error: forgotten/,
  );
  // A replacement would start at once, and end the WebSockets.
  assertEquals(await ask(program, "/reject"), 200);
  await program.logged(/forgotten[^]*forgotten/);
  assert(!/replaces|startup 1 3/.test(program.log), program.log);
  for (const socket of sockets) socket.connection.close();
  assertEquals((await program.stop()).code, 0);
  assertEquals(
    program.log.match(/websocket 1006 client_closed|websocket 100/g)?.length,
    4,
  );
});

Deno.test("the pause before a replacement grows while workers keep crashing, and the server ends when none can start", async () => {
  const app = `import { existsSync } from "node:fs";
    if (existsSync("broken")) throw new Error("broken now");
    ${workerApp()}`;
  await using program = await startProgram(ARGS, { files: { "app.js": app } });
  // More crash on a slow machine, where some have served for a second before.
  await until(async () => {
    await ask(program, "/exit/1").catch(() => 0);
    return /next worker starts in 100 ms[^]* in 200 ms/.test(program.log);
  });
  Deno.writeTextFileSync(`${program.folder}/broken`, "");
  let ended = false;
  const end = program.ended().then((end) => (ended = true, end));
  await until(async () => {
    await ask(program, "/exit/1").catch(() => 0);
    return ended;
  });
  assertEquals((await end).code, 1);
  assertMatch(program.log, /did not start\. .*app\.js/);
  assertMatch(program.log, /^pagi-server: No worker is left/m);
});

Deno.test("without --unstable-net several workers are refused with the missing flag, and one works", async () => {
  const root = new URL("../../", import.meta.url);
  const config = JSON.parse(
    Deno.readTextFileSync(new URL("deno.json", root)),
  );
  for (const [name, target] of Object.entries<string>(config.imports)) {
    if (target.startsWith("./")) {
      config.imports[name] = new URL(target, root).href;
    }
  }
  config.unstable = ["no-legacy-abort"];
  // By another name than that of the configuration of a project.
  const files = { ...OPTIONS.files, "bare.json": JSON.stringify(config) };
  const permissions = ["-A", "--config", "./bare.json", "--no-lock"];
  const refused = await runProgram(ARGS, { files, permissions });
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /^pagi-server: .*--unstable-net.* --workers 1/m);
  const one = ["-p", "0", "./app.js"];
  await using program = await startProgram(one, { files, permissions });
  assertEquals(await ask(program, "/"), 200);
});

Deno.test("--max-connections is per worker and counted in all; beyond it there is 503 (PAGI.md 102)", async () => {
  const args = ["--max-connections", "2", ...ARGS];
  await using program = await startProgram(args, OPTIONS);
  assertMatch(program.log, /limits {2}4 connections/);
  const connections: RawConnection[] = [];
  const statuses: number[] = [];
  for (let count = 1; count <= 12; count++) {
    const connection = await RawConnection.open(address(program));
    connections.push(connection);
    await connection.request("GET /");
    const { status, headers } = await connection.response();
    if (status === 503) assertEquals(headers.get("retry-after"), "5");
    statuses.push(status);
  }
  const served = statuses.filter((status) => status === 200).length;
  assertEquals(statuses.slice(0, 4), [200, 200, 200, 200]);
  // Each worker may take one for older than another has.
  assert(served <= 6, statuses.join());
  for (const connection of connections) connection.close();
  await until(async () => await ask(program, "/") === 200);
});

Deno.test("with ulimit -n 128 and 300 idle clients two workers never stop answering, and replacements lose nothing afterwards", async () => {
  await using program = await startProgram(ARGS, {
    ...OPTIONS,
    shell: 'ulimit -n 128; exec "$@"',
  });
  const idle: RawConnection[] = [];
  const open = async () => {
    const one = await RawConnection.open(address(program)).catch(() => null);
    if (one !== null) idle.push(one);
    return one !== null;
  };
  for (let count = 0; count < 300; count++) await until(open);
  await until(async () => await ask(program, "/").catch(() => 0) > 0);
  assertMatch(program.log, /Accepting connections failed/);
  for (const connection of idle) connection.close();
  // Each worker has to see that there is room again.
  await until(async () => {
    const asked = Array.from({ length: 20 }, () => ask(program, "/"));
    const statuses = await Promise.all(asked.map((one) => one.catch(() => 0)));
    return statuses.every((status) => status === 200);
  });
  const load = new Load(address(program));
  await load.more(50);
  program.signal("SIGHUP");
  await program.logged(/Worker \d+ replaces worker 2/);
  await load.more(50);
  assertEquals((await load.stop()).failures, []);
});

Deno.test("idle connections end at the deadline in every worker, and no running request does", async () => {
  const args = ["--timeout", "60", ...ARGS];
  await using program = await startProgram(args, {
    ...OPTIONS,
    env: { PAGI_TIMEOUT: "1" },
  });
  assert(program.log.includes("idle for up to 60 s")); // the command line wins
  const other = ["--log-level", "debug", "--timeout", "1", ...ARGS];
  await using quick = await startProgram(other, {
    files: {
      "app.js": `import { existsSync } from "node:fs";
      ${workerApp()}`.replace(
        "await ACTIONS",
        `await send({ type: "http.response.start", status: 200 });
        await ACTIONS`,
      ).replace(
        "pause(Number(seconds))",
        `{ while (!existsSync("passed")) await pause(0.02); }`,
      ).replace("sleep: (", "sleep: async ("),
    },
  });
  const idle: RawConnection[] = [];
  const busy: RawConnection[] = [];
  for (let i = 0; i < 8; i++) {
    idle.push(await RawConnection.open(address(quick)));
    busy.push(await RawConnection.open(address(quick)));
    await idle[i].request("GET /");
    await idle[i].response();
    await busy[i].request("GET /sleep");
  }
  const answers = busy.map((connection) => connection.response());
  await Promise.all(idle.map((connection) => connection.ended()));
  Deno.writeTextFileSync(`${quick.folder}/passed`, "");
  for (const [i, connection] of busy.entries()) {
    assertMatch((await answers[i]).body, /worker [12]/);
    connection.close();
  }
  for (const connection of idle) connection.close();
  const workers = new Set(
    [...quick.log.matchAll(/sleep in (\d)/g)].map(([, number]) => number),
  );
  assertEquals(workers.size, 2);
});

Deno.test("two workers write whole lines to one access log, also across a rotation", async () => {
  await using program = await startProgram(
    ["-p", "0", "-w", "2", "--access-log", "access.log", "./app.js"],
    OPTIONS,
  );
  const target = `/${"x".repeat(500)}`;
  const load = new Load(address(program), { target });
  await load.more(300);
  Deno.renameSync(`${program.folder}/access.log`, `${program.folder}/old.log`);
  program.signal("SIGHUP");
  await program.logged(/Worker \d+ replaces worker 2/);
  await load.more(200);
  const { answered } = await load.stop();
  const { stderr } = await program.stop();
  const lines = ["old.log", "access.log"].map((name) =>
    program.read(name).trimEnd().split("\n")
  );
  assert(lines.every((part) => part.length > 50));
  const line = /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/x{500}" 200 [\d.]+s$/;
  for (const text of lines.flat()) assertMatch(text, line);
  assertEquals(lines.flat().length, answered);
  for (const text of stderr.trimEnd().split("\n")) {
    assertMatch(text, /^(\d{4}-\S+ (info|warn) |app: |pagi-server | {2}\S)/);
  }
});
