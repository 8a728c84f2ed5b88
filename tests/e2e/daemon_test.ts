import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "../../src/std/assert.ts";
import { Daemon, isAlive } from "../helpers/daemon.ts";
import { Program, runProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const ignore = Deno.build.os !== "linux";

/** An app that answers with what `expression` gives. */
function app(expression: string, atStart = ""): string {
  return `${atStart}
    export default async (scope, receive, send) => {
      if (scope.type !== "http") throw new Error("not mine");
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: String(${expression}) });
    };`;
}

const FILES = { "app.js": app("Deno.pid") };
const QUIET = ["-p", "0", "--no-access-log"];

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

Deno.test(
  "-D returns 0 once the server answers, in a session of its own, without a terminal, in the same folder",
  { ignore },
  async () => {
    // That the command's outputs end shows that the daemon has let go of them.
    await using daemon = await Daemon.start(
      ["-p", "0", "--access-log", "a.log", "./app.js"],
      { files: { "app.js": app("Deno.pid", "console.log('I am starting');") } },
    );
    assertEquals(daemon.command.stdout, "I am starting\n");
    assertMatch(daemon.command.stderr, / info {2}Ready at http:/);
    assertMatch(
      daemon.command.stderr,
      new RegExp(`stop it with kill ${daemon.pid}\n`),
    );
    assertEquals(await text(daemon.url), `${daemon.pid}`);
    const stat = Deno.readTextFileSync(`/proc/${daemon.pid}/stat`);
    const [, , , , , session, terminal] = stat.split(" ");
    assertEquals([session, terminal], [`${daemon.pid}`, "0"]);
    assertEquals(Deno.readLinkSync(`/proc/${daemon.pid}/cwd`), daemon.folder);
    for (const stream of [0, 1, 2]) {
      assertEquals(
        Deno.readLinkSync(`/proc/${daemon.pid}/fd/${stream}`),
        "/dev/null",
      );
    }
    await daemon.stop();
    assertMatch(daemon.read("a.log"), /"GET \/" 200/);
  },
);

Deno.test(
  "TERM removes a daemon's pid file and frees its port; the same command line starts it again",
  { ignore },
  async () => {
    await using daemon = await Daemon.start([...QUIET, "./app.js"], {
      files: FILES,
    });
    assertEquals(daemon.pidFile(), `${daemon.pid}\n`);
    assertEquals(
      Deno.statSync(`${daemon.folder}/daemon.pid`).mode! & 0o777,
      0o644,
    );
    const { port } = new URL(daemon.url);
    await daemon.stop();
    assertEquals(daemon.pidFile(), null);
    await using next = await Daemon.start(
      ["-p", port, "--no-access-log", "./app.js"],
      { files: FILES },
    );
    assertEquals(await text(next.url), `${next.pid}`);
  },
);

Deno.test(
  "HUP does not end a daemon, nor does the end of the terminal that started it",
  { ignore },
  async () => {
    // HUP to all of a session is what a closed terminal means.
    const hangUp = '"$@"; code=$?; trap "" HUP; kill -HUP 0; exit $code';
    await using daemon = await Daemon.start([...QUIET, "./app.js"], {
      files: FILES,
      shell: `exec setsid -w sh -c '${hangUp}' sh "$@"`,
    });
    assertEquals(await text(daemon.url), `${daemon.pid}`);
    Deno.kill(daemon.pid, "SIGHUP");
    assertEquals(await text(daemon.url), `${daemon.pid}`);
  },
);

Deno.test(
  "what keeps a daemon from starting reaches the terminal with its exit code, and nothing stays",
  { ignore },
  async () => {
    const taken = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = taken.addr as Deno.NetAddr;
    const failing = (code: string) => ({ "app.js": code });
    for (
      const [args, files, code, message] of [
        [
          `-p ${port} ./app.js`,
          FILES,
          1,
          `^pagi-server: Cannot listen on 127\\.0\\.0\\.1:${port}: address already in use`,
        ],
        ["-p 0 ./other.js", FILES, 1, "^pagi-server: .*other\\.js"],
        ["-p 0 ./app.js", failing("export default {"), 1, "app\\.js"],
        ["-p 0 --pid no/a.pid ./app.js", FILES, 1, "No such file or directory"],
        ["-p 0 --access-log no/a.log ./app.js", FILES, 2, "--access-log"],
        ["-p 0 --port", FILES, 2, "^pagi-server: --port needs a value"],
        ["-p 0 ./app.js", failing("Deno.exit(3)"), 3, "exit code 3"],
        ["-p 0 ./app.js", failing("Deno.exit(0)"), 1, "exit code 1"],
        [
          "-p 0 ./app.js",
          failing("Deno.kill(Deno.pid, 'SIGKILL')"),
          1,
          "it was ended by SIGKILL",
        ],
      ] as const
    ) {
      await using program = Program.spawn(
        ["-D", "--pid", "a.pid", ...args.split(" ")],
        { files },
      );
      const ended = await program.ended();
      assertEquals(ended.code, code, args + ended.stderr);
      assertMatch(ended.stderr, new RegExp(message, "m"));
      // One that was killed could not remove it; then it is stale.
      if (message.includes("SIGKILL")) continue;
      assertEquals(
        [...Deno.readDirSync(program.folder)].map(({ name }) => name),
        ["app.js"],
      );
    }
    taken.close();
  },
);

Deno.test(
  "Ctrl-C while a daemon is starting ends it too",
  { ignore },
  async () => {
    const slow = `console.error("I am", Deno.pid);
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const lifespan = `export default async (scope, _receive, _send) => {
      console.error("I am", Deno.pid);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    };`;
    const deaf = `Deno.addSignalListener("SIGTERM", () => console.error("no"));
    ${slow}`;
    for (
      const [code, presses] of [[slow, 1], [lifespan, 1], [deaf, 2]] as const
    ) {
      await using program = Program.spawn(["-D", ...QUIET, "./app.js"], {
        files: { "app.js": code },
      });
      const [, pid] = await program.logged(/^I am (\d+)$/m);
      assertNotEquals(Number(pid), program.pid);
      program.signal("SIGINT");
      if (presses === 2) {
        await program.logged(/^no$/m);
        program.signal("SIGINT");
      }
      const { code: exitCode, stderr } = await program.ended();
      assertEquals(exitCode, 1, stderr);
      assertMatch(stderr, /The daemon did not start: it (was )?ended/);
      await until(() => !isAlive(Number(pid)));
    }
  },
);

Deno.test(
  "a second server with the pid file of one that lives is refused, and the first goes on",
  { ignore },
  async () => {
    await using daemon = await Daemon.start([...QUIET, "./app.js"], {
      files: FILES,
    });
    for (const how of [["-D"], []]) {
      const { code, stderr } = await runProgram(
        [...how, ...QUIET, "--pid", `${daemon.folder}/daemon.pid`, "./app.js"],
        { files: FILES },
      );
      assertEquals(code, 1);
      assertMatch(
        stderr,
        new RegExp(
          `daemon\\.pid: the server of this file is running as process ${daemon.pid}\\. `,
        ),
      );
    }
    assertEquals(daemon.pidFile(), `${daemon.pid}\n`);
    assertEquals(await text(daemon.url), `${daemon.pid}`);
  },
);

Deno.test(
  "the pid file that a killed server left is replaced",
  { ignore },
  async () => {
    await using killed = await Daemon.start([...QUIET, "./app.js"], {
      files: FILES,
    });
    await killed.stop("SIGKILL");
    assertEquals(killed.pidFile(), `${killed.pid}\n`);
    const path = `${killed.folder}/daemon.pid`;
    await using program = Program.spawn([...QUIET, "--pid", path, "./app.js"], {
      files: FILES,
    });
    await program.logged(/Ready at/);
    assertEquals(Deno.readTextFileSync(path), `${program.pid}\n`);
    await program.stop();
    assertEquals(killed.pidFile(), null);
  },
);

Deno.test(
  "--pid works without -D, in the folder of the start, whatever the umask and the app do",
  { ignore },
  async () => {
    await using program = Program.spawn(
      [...QUIET, "--pid", "a.pid", "./app.js"],
      {
        files: { "app.js": app("0", "Deno.chdir('/');") },
        shell: 'umask 077; exec "$@"',
      },
    );
    await program.logged(/Ready at/);
    assertEquals(program.read("a.pid"), `${program.pid}\n`);
    const path = `${program.folder}/a.pid`;
    assertEquals(Deno.statSync(path).mode! & 0o777, 0o644);
    const { code } = await program.stop();
    assertEquals(code, 0);
    assert(
      ![...Deno.readDirSync(program.folder)].some(({ name }) =>
        name === "a.pid"
      ),
    );
  },
);

Deno.test(
  "an app that ends the process ends its pid file too",
  { ignore },
  async () => {
    const { code } = await runProgram(
      [...QUIET, "--pid", "a.pid", "./app.js"],
      {
        files: { "app.js": app("0", "setTimeout(() => Deno.exit(7), 100);") },
        shell: '"$@"; code=$?; [ -e a.pid ] && exit 99; exit $code',
      },
    );
    assertEquals(code, 7);
  },
);

Deno.test(
  "nothing that makes a daemon reaches the programs of its app, but the mode does",
  {
    ignore,
  },
  async () => {
    const command = "new Deno.Command('env').outputSync().stdout";
    await using daemon = await Daemon.start([...QUIET, "./app.js"], {
      files: { "app.js": app(`new TextDecoder().decode(${command})`) },
    });
    assertEquals((await text(daemon.url)).match(/^PAGI.*$/gm), [
      "PAGI_ENV=production",
    ]);
  },
);

Deno.test(
  "a daemon says that its access log will be lost, unless it goes to a file or nowhere",
  { ignore },
  async () => {
    for (
      const [args, warns] of [[[], true], [["--no-access-log"], false]] as const
    ) {
      await using daemon = await Daemon.start(
        ["-p", "0", ...args, "./app.js"],
        { files: FILES },
      );
      const said = daemon.command.stderr.match(
        / warn .*access log will be lost/g,
      );
      assertEquals(said?.length ?? 0, warns ? 1 : 0);
      assertEquals(await text(daemon.url), `${daemon.pid}`);
    }
  },
);

Deno.test(
  "USR2 hands a daemon's pid file on to the process that takes over, in the background too",
  { ignore },
  async () => {
    await using daemon = await Daemon.start([...QUIET, "./app.js"], {
      files: { "app.js": app("Deno.pid", "Deno.chdir('/');") },
    });
    const first = daemon.pid;
    await daemon.renew();
    assertNotEquals(daemon.pid, first);
    assertEquals(await text(daemon.url), `${daemon.pid}`);
    for (const stream of [0, 1, 2]) {
      assertEquals(
        Deno.readLinkSync(`/proc/${daemon.pid}/fd/${stream}`),
        "/dev/null",
      );
    }
    await daemon.stop();
    assertEquals(daemon.pidFile(), null);
  },
);
