/** Workers are replaced without a loss: HUP, TTIN, TTOU, --max-requests. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { cert, key } from "../guard/certificate.ts";
import { testWith } from "../helpers/programs.ts";
import { Load } from "../helpers/load.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import {
  Program,
  type ProgramOptions,
  startProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const OPTIONS: ProgramOptions = { files: { "app.js": workerApp("one") } };
const ARGS = ["-p", "0", "--no-access-log", "-w", "2", "./app.js"];

function address({ port }: Program): { host: string; port: number } {
  return { host: "127.0.0.1", port };
}

function write(program: Program, text: string): void {
  Deno.writeTextFileSync(`${program.folder}/app.js`, text);
}

Deno.test("HUP under load loses no request, and serves the edited code (PAGI.md 93)", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const load = new Load(address(program));
  // Such clients are told to leave, too, before their connections close.
  const patient = new Load(address(program), { short: 0, kept: 8, pause: 400 });
  await load.more(200);
  write(program, workerApp("two"));
  for (const numbers of ["1 and 2", "3 and 4"]) {
    const [first, last] = numbers.split(" and ");
    program.signal("SIGHUP");
    await program.logged(new RegExp(`replaces worker ${first}: SIGHUP`));
    await program.logged(new RegExp(`replaces worker ${last}: SIGHUP`));
    await load.more(100);
  }
  const { failures, bodies, reopened } = await load.stop();
  await patient.more(20);
  const { failures: others, reopened: closed } = await patient.stop();
  assertEquals([others, closed], [[], 0]);
  assertEquals(failures, []);
  // Each was told with its last answer that its connection ends.
  assertEquals(reopened, 0);
  const versions = [...bodies.keys()].map((body) => body.split(" ")[0]);
  assertEquals([...new Set(versions)], ["one", "two"]);
  const answer = await fetch(program.url).then((response) => response.text());
  assertMatch(answer, /^two worker [56]$/);
});

Deno.test("HUP with a syntax error in the app leaves the present code serving, and says so", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const load = new Load(address(program));
  write(program, "export default (;");
  program.signal("SIGHUP");
  await program.logged(/ error Reload failed: the current workers keep/);
  // What the engine says of it stands below the sentence, in lines of its own.
  assertMatch(
    program.log,
    / error Worker 3 did not start\. \.\/app\.js could not be loaded\.\n +SyntaxError: /,
  );
  assert(!program.log.includes("\\n"), program.log);
  await load.more(100);
  write(program, workerApp("three"));
  program.signal("SIGHUP");
  await program.logged(/replaces worker 2: SIGHUP/);
  const { failures } = await load.stop();
  assertEquals(failures, []);
  const answer = await fetch(program.url).then((response) => response.text());
  assertMatch(answer, /^three /);
});

Deno.test("HUP also makes up for workers that could not start before", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  write(program, "export default (;");
  await fetch(`${program.url}/exit/1`).then((r) => r.text()).catch(() => {});
  await program.logged(/ error Worker 3 did not start/);
  write(program, workerApp("two"));
  program.signal("SIGHUP");
  await program.logged(/ info {2}Workers: 2\./);
});

Deno.test("TTIN and TTOU under load lose no request, and one worker always stays (PAGI.md 94)", async () => {
  await using program = await startProgram(ARGS, OPTIONS);
  const load = new Load(address(program));
  program.signal("SIGTTIN");
  await program.logged(/ info {2}Workers: 3\./);
  await load.more(100);
  program.signal("SIGTTOU");
  await program.logged(/ info {2}Workers: 2\./);
  await load.more(50);
  program.signal("SIGTTOU");
  await program.logged(/ info {2}Workers: 1\./);
  await load.more(50);
  program.signal("SIGTTOU");
  await program.logged(/ info {2}The last worker is kept\./);
  const { failures, bodies } = await load.stop();
  assertEquals(failures, []);
  assert(bodies.has("one worker 3"));
});

Deno.test("--max-requests replaces one worker at a time and loses no request; WebSockets and event streams end (PAGI.md 95)", async () => {
  const args = ["--max-requests", "500", ...ARGS];
  await using program = await startProgram(args, OPTIONS);
  const sockets: RawWebSocket[] = [];
  const streams: RawConnection[] = [];
  for (let count = 0; count < 4; count++) {
    const connection = await RawConnection.open(address(program));
    sockets.push(await RawWebSocket.open(connection));
    const stream = await RawConnection.open(address(program));
    await stream.request("GET /", "accept: text/event-stream");
    streams.push(stream);
  }
  const load = new Load(address(program));
  await program.logged(/replaces worker 1: it has served --max-requests/);
  await program.logged(/replaces worker 2: it has served --max-requests/);
  await program.logged(/replaces worker [34]: it has served --max-requests/);
  const { failures } = await load.stop();
  assertEquals(failures, []);
  for (const socket of sockets) {
    await socket.frame(); // the greeting
    const { opcode, payload } = (await socket.frame())!;
    assertEquals(opcode, 8);
    assertEquals(payload.charCodeAt(0) * 256 + payload.charCodeAt(1), 1012);
    socket.connection.close();
  }
  for (const stream of streams) {
    const { body } = await stream.response(); // to its proper end
    assertMatch(body, /^data: worker [12]\n\n$/);
    stream.close();
  }
  await until(() => program.log.split("websocket 1006 server_shu").length > 4);
  await until(() => program.log.split("sse server_shutdown").length > 4);
  // A successor starts only once the one before has taken over.
  const steps = program.log.matchAll(/startup 1 (\d+)|Worker (\d+) replaces/g);
  const order = [...steps].slice(2).map(([, start, over]) => start ?? over);
  for (let at = 0; at + 1 < order.length; at += 2) {
    assertEquals(order[at], order[at + 1], order.join());
  }
});

testWith(
  ["openssl"],
  "HUP reads the TLS files anew; with a broken pair the present one stays",
  async () => {
    const files = { ...OPTIONS.files, "cert.pem": cert, "key.pem": key };
    const tls = ["--ssl-cert", "cert.pem", "--ssl-key", "key.pem"];
    await using program = await startProgram([...tls, ...ARGS], { files });
    using client = Deno.createHttpClient({ caCerts: [cert] });
    const ask = async () => {
      const response = await fetch(program.url, { client });
      return await response.text();
    };
    assertMatch(await ask(), /^one /);
    Deno.writeTextFileSync(`${program.folder}/cert.pem`, "no certificate");
    program.signal("SIGHUP");
    await program.logged(
      / error The TLS files cannot be used, so the current .*/,
    );
    await program.logged(/replaces worker 2: SIGHUP/);
    assertMatch(await ask(), /^one /);

    // The same names for another certificate: the old one is not trusted there.
    const made = await new Deno.Command("openssl", {
      args: [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256".split(" "),
        ..."-nodes -days 2 -subj /CN=localhost -keyout key.pem".split(" "),
        ..."-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE -out cert.pem"
          .split(" "),
      ],
      cwd: program.folder,
      stdout: "null",
      stderr: "null",
    }).output();
    assert(made.success);
    program.signal("SIGHUP");
    await program.logged(/replaces worker 4: SIGHUP/);
    const fresh = program.read("cert.pem");
    using newClient = Deno.createHttpClient({ caCerts: [fresh] });
    const response = await fetch(program.url, { client: newClient });
    assertStringIncludes(await response.text(), "one worker");
  },
);

Deno.test(
  "a key that every user can read deserves a warning, one that lies in a private folder does not",
  { ignore: Deno.build.os === "windows" },
  async () => {
    const files = { ...OPTIONS.files, "cert.pem": cert, "key.pem": key };
    const tls = ["--ssl-cert", "cert.pem", "--ssl-key", "key.pem"];
    for (
      const [modes, warns] of [
        ["chmod 755 . && chmod 644 key.pem", true],
        ["chmod 755 . && chmod 640 key.pem", false],
        ["chmod 700 . && chmod 644 key.pem", false],
      ] as const
    ) {
      const args = [...tls, "-p", "0", "--no-access-log", "./app.js"];
      await using program = await startProgram(args, {
        files,
        shell: `${modes} && exec "$@"`,
      });
      assertEquals(
        program.log.includes(
          "Every user of this machine can read the private key key.pem (mode 0644)",
        ),
        warns,
      );
    }
  },
);

Deno.test("--reload serves saved code, keeps the last good code, and loses no request", async () => {
  const app = (text: string) =>
    `import { end } from "./end.js";
     export default { fetch(request) {
       if (new URL(request.url).pathname !== "/events") return new Response("${text}" + end);
       return new Response(new ReadableStream({ start: (c) => c.enqueue(new TextEncoder().encode("data: x\\n\\n")) }),
         { headers: { "content-type": "text/event-stream" } });
     } };`;
  const files = { "app.js": app("one"), "end.js": "export const end = '!';" };
  await using program = await startProgram(
    ["-p", "0", "--no-access-log", "--reload", "./app.js"],
    { files },
  );
  const load = new Load(address(program));
  const answers = async (text: string) =>
    await until(async () => await (await fetch(program.url)).text() === text);
  const events = await fetch(`${program.url}/events`);
  write(program, app("two"));
  await answers("two!");
  // Clients of streams are to connect again, to the new code.
  await events.text();
  write(program, "export default (;");
  await program.logged(/ error Reload failed: the current workers keep/);
  assertMatch(program.log, /SyntaxError: [^]*app\.js:1:17/);
  await load.more(20);
  Deno.writeTextFileSync(`${program.folder}/end.js`, "export const end = '?';");
  write(program, app("three"));
  await answers("three?");
  await program.logged(/ info {2}Reloaded: the app starts again/);
  const { failures } = await load.stop();
  assertEquals(failures, []);
});

Deno.test("--reload has a fresh process take over for a new configuration, and ends with it", async () => {
  const files = {
    "deno.json": `{ "imports": { "word": "./one.js" } }`,
    "one.js": "export default 'one';",
    "two.js": "export default 'two';",
    "app.js":
      "import word from 'word'; export default { fetch: () => new Response(word) };",
  };
  await using program = await startProgram(
    ["-p", "0", "--no-access-log", "--reload", "./app.js"],
    { files },
  );
  Deno.writeTextFileSync(
    `${program.folder}/deno.json`,
    `{ "imports": { "word": "./two.js" } }`,
  );
  await program.logged(/Process \d+ has taken over; this one finishes/);
  await until(async () => await (await fetch(program.url)).text() === "two");
  assertEquals((await program.stop()).code, 0);
  assertEquals(await fetch(program.url).catch(() => null), null);
});

Deno.test("--reload waits for a change where the app cannot be loaded", async () => {
  const files = { "app.js": "export default (;" };
  await using program = Program.spawn(
    ["-p", "0", "--reload", "./app.js"],
    { files },
  );
  await program.logged(/Waiting for a change of the app's files/);
  write(program, "export default { fetch: () => new Response('mended') };");
  await program.logged(/Ready at /);
  const [url] = /http:[^\s]+/.exec(program.log)!;
  assertEquals(await (await fetch(url)).text(), "mended");
});

Deno.test("--reload does not wait for an app that never finishes loading, once it has changed", async () => {
  const files = {
    "app.js":
      "console.error('loading'); await new Promise(() => setInterval(() => {}, 1e6));",
  };
  await using program = Program.spawn(
    ["-p", "0", "--reload", "./app.js"],
    { files },
  );
  await program.logged(/loading/);
  write(program, "export default { fetch: () => new Response('mended') };");
  await program.logged(/Starting over: app\.js has changed/);
  await program.logged(/Ready at /);
  const [url] = /http:[^\s]+/.exec(program.log)!;
  assertEquals(await (await fetch(url)).text(), "mended");
});

Deno.test("--reload sees what was saved while an app that fails was loading", async () => {
  const mended = JSON.stringify(
    "export default { fetch: () => new Response('mended') };",
  );
  const files = {
    "app.js":
      `Deno.writeTextFileSync("app.js", ${mended}); throw new Error("late");`,
  };
  await using program = Program.spawn(
    ["-p", "0", "--reload", "./app.js"],
    { files },
  );
  await program.logged(/Ready at /);
  const [url] = /http:[^\s]+/.exec(program.log)!;
  assertEquals(await (await fetch(url)).text(), "mended");
});
