import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { Daemon } from "../helpers/daemon.ts";
import { testWith } from "../helpers/programs.ts";
import {
  type ReadableCopy,
  readableProgram,
} from "../helpers/readable_copy.ts";
import { cert, key } from "../guard/certificate.ts";
import {
  Program,
  type ProgramOptions,
  runProgram,
} from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

/** What is tested here takes root to do. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

const NOBODY = 65534;
const FILES = {
  // Tells who ran its code, at the start and now.
  "app.js": `const first = Deno.uid();
    export default async (scope, receive, send) => {
      if (scope.type !== "http") throw new Error("not mine");
      const body = JSON.stringify([first, Deno.uid()]);
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body });
    };`,
};
const QUIET = ["-p", "0", "--no-access-log"];
/** What a killed program leaves goes with the folder of the test. */
const START =
  'mkdir -m 1777 tmp && TMPDIR="$PWD/tmp" && export TMPDIR && exec "$@"';
/** Lets everybody into the folder of the test, which stays root's. */
const PUBLIC = `chmod 755 . && ${START}`;
/** Gives the folder of the test to the user. */
const OWN = `chown ${NOBODY}:${NOBODY} . && ${START}`;

/** Starts the copy of the program, which the user can read. */
function from(copy: ReadableCopy): Pick<ProgramOptions, "env" | "shell"> {
  const program = copy.program.map((word) => `'${word}'`).join(" ");
  const shell = `chmod 755 . && shift 4 && exec ${program} "$@"`;
  return { env: copy.env, shell };
}

/** A port below 1024 that nobody uses. */
function lowPort(): number {
  for (let port = 1023; port > 600; port--) {
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch {
      // the next one, then
    }
  }
  throw new Error("no port below 1024 is free");
}

/** Checks the ids and the capabilities of every thread. */
function assertThreads(pid: number, user: number, allowed: string): void {
  const folder = `/proc/${pid}/task`;
  const tasks = [...Deno.readDirSync(folder)];
  assert(tasks.length > 2);
  for (const { name } of tasks) {
    const status = Deno.readTextFileSync(`${folder}/${name}/status`);
    const field = (name: string): string =>
      new RegExp(`^${name}:[ \t]*(.*?)[ \t]*$`, "m").exec(status)![1];
    const four = Array(4).fill(user).join("\t");
    assertEquals([field("Uid"), field("Gid"), field("Groups")], [
      four,
      four,
      "",
    ]);
    for (const set of ["CapPrm", "CapEff", "CapAmb"]) {
      assert(["0000000000000000", allowed].includes(field(set)), status);
    }
  }
}

async function json(url: string): Promise<unknown> {
  return await (await fetch(url)).json();
}

function owner(path: string): number | null {
  return Deno.statSync(path).uid;
}

Deno.test(
  "as root, --user with a low port, -D and --pid serves as that user in every thread, and TERM leaves nothing",
  { ignore },
  async () => {
    const port = lowPort();
    await using daemon = await Daemon.start(
      [
        "--user",
        "nobody",
        "-p",
        `${port}`,
        "--access-log",
        "a.log",
        "./app.js",
      ],
      { files: FILES, shell: PUBLIC },
    );
    assertThreads(daemon.pid, NOBODY, "0000000000000400");
    // No code of the app has ever been root's.
    assertEquals(await json(`http://127.0.0.1:${port}`), [NOBODY, NOBODY]);
    assertEquals(daemon.pidFile(), `${daemon.pid}\n`);
    // Root may trust it: the user cannot change it.
    assertEquals(owner(join(daemon.folder, "daemon.pid")), 0);
    await daemon.stop();
    // The user may not remove a file from root's folder; the helper does.
    await until(() => daemon.pidFile() === null);
    assertMatch(daemon.read("a.log"), /"GET \/" 200/);
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
  },
);

Deno.test(
  "as root, USR2 and --user: the process that takes over binds the low port again, and so does the next",
  { ignore },
  async () => {
    const copy = readableProgram();
    const port = lowPort();
    await using daemon = await Daemon.start(
      ["--user", "nobody", "-p", `${port}`, "--no-access-log", "./app.js"],
      { files: FILES, ...from(copy) },
    );
    for (let times = 0; times < 2; times++) {
      await daemon.renew();
      const status = Deno.readTextFileSync(`/proc/${daemon.pid}/status`);
      assertMatch(status, /^CapEff:\t0000000000000400$/m);
      assertMatch(status, /^CapAmb:\t0000000000000000$/m);
      assertEquals(await json(`http://127.0.0.1:${port}`), [NOBODY, NOBODY]);
    }
    assertEquals(owner(join(daemon.folder, "daemon.pid")), 0);
    await daemon.stop("SIGKILL");
    await until(() => daemon.pidFile() === null);
  },
);

Deno.test(
  "as root, workers of --user bind a low port, and are replaced on HUP",
  { ignore },
  async () => {
    const copy = readableProgram();
    const port = lowPort();
    await using program = Program.spawn(
      [
        ...["--user", "nobody", "-p", `${port}`, "-w", "2"],
        ...["--no-access-log", "--log-level", "debug", "./app.js"],
      ],
      { files: FILES, ...from(copy) },
    );
    await program.logged(/Ready at/);
    assertThreads(program.pid, NOBODY, "0000000000000400");
    program.signal("SIGHUP");
    await program.logged(/Worker 4 replaces worker 2/);
    assertThreads(program.pid, NOBODY, "0000000000000400");
    assertEquals(await json(`http://127.0.0.1:${port}`), [NOBODY, NOBODY]);
    assertEquals((await program.stop()).code, 0);
  },
);

Deno.test(
  "as root, an empty pid file that a dropped user left is replaced, and one in the user's own folder removed",
  { ignore },
  async () => {
    await using daemon = await Daemon.start(
      ["--user", "nobody", ...QUIET, "./app.js"],
      { files: { ...FILES, "daemon.pid": "" }, shell: OWN },
    );
    assertThreads(daemon.pid, NOBODY, "0000000000000000");
    assertEquals(daemon.pidFile(), `${daemon.pid}\n`);
    assertEquals(owner(join(daemon.folder, "daemon.pid")), NOBODY);
    await daemon.stop();
    assertEquals(daemon.pidFile(), null);
  },
);

Deno.test(
  "as root, the access log belongs to the user of --user, who opens it anew after a rotation",
  { ignore },
  async () => {
    await using program = Program.spawn(
      ["--user", "65534", "-p", "0", "--access-log", "a.log", "./app.js"],
      {
        files: { ...FILES, "a.log": "an old line\n" },
        shell: `chown ${NOBODY} a.log; ${OWN}`,
      },
    );
    await program.logged(/Ready at/);
    const path = join(program.folder, "a.log");
    assertEquals(owner(path), NOBODY);
    await json(program.url);
    await until(() => program.read("a.log").includes("GET"));
    assertMatch(program.read("a.log"), /^an old line\n.*GET/);
    Deno.renameSync(path, `${path}.1`);
    program.signal("SIGHUP");
    await program.logged(/logs were reopened/);
    await json(program.url);
    await until(() => {
      try {
        return program.read("a.log").includes("GET");
      } catch {
        return false;
      }
    });
    assertEquals(owner(path), NOBODY);
  },
);

Deno.test("as root, a key that only root may read serves a user who may not", {
  ignore,
}, async () => {
  await using daemon = await Daemon.start(
    [
      ...["--user", "nobody", "--ssl-cert", "cert.pem", "--ssl-key", "key.pem"],
      ...QUIET,
      "./app.js",
    ],
    {
      files: { ...FILES, "cert.pem": cert, "key.pem": key },
      shell: `chmod 600 key.pem; ${PUBLIC}`,
    },
  );
  assertEquals(Deno.statSync(join(daemon.folder, "key.pem")).mode! & 0o077, 0);
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const answer = await fetch(daemon.url, { client });
  assertEquals(await answer.json(), [NOBODY, NOBODY]);
});

Deno.test(
  "as root, a Unix socket belongs to the user of --user, in a folder that does",
  { ignore },
  async () => {
    const args = ["--user", "nobody", "--no-access-log", "--socket", "a.sock"];
    await using program = Program.spawn([...args, "./app.js"], {
      files: FILES,
      shell: OWN,
    });
    await program.logged(/Ready at/);
    assertEquals(owner(join(program.folder, "a.sock")), NOBODY);
    const { code, stderr } = await runProgram([...args, "./app.js"], {
      files: FILES,
      shell: PUBLIC,
    });
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^pagi-server: Cannot listen on a\.sock: Permission denied/m,
    );
  },
);

Deno.test(
  "as root, --group alone changes the group, and --user with --group takes both",
  { ignore },
  async () => {
    for (
      const [args, ids] of [
        [["--group", "12345"], [0, 12345]],
        [["--user", "nobody", "--group", "12345"], [NOBODY, 12345]],
      ] as const
    ) {
      await using program = Program.spawn([...args, ...QUIET, "./app.js"], {
        files: FILES,
        shell: PUBLIC,
      });
      await program.logged(/Ready at/);
      const status = Deno.readTextFileSync(`/proc/${program.pid}/status`);
      assertEquals(
        ["Uid", "Gid", "Groups"].map((name) =>
          new RegExp(`^${name}:[ \t]*(\\d*)`, "m").exec(status)![1]
        ),
        [...ids.map(String), ""],
      );
    }
  },
);

Deno.test("an unknown user or group is a wrong command line", {
  ignore: Deno.build.os === "windows",
}, async () => {
  for (
    const [args, message] of [
      [
        ["--user", "no:body"],
        '--user "no:body": there is no such user in /etc/passwd',
      ],
      [
        ["--user", "root", "--group=-1"],
        '--group "-1": there is no such group in /etc/group',
      ],
      [
        ["--user", "4123456789"],
        '--user "4123456789": this number is not in /etc/passwd, so its group is not known; give --group too',
      ],
    ] as const
  ) {
    const { code, stderr } = await runProgram([...args, ...QUIET]);
    assertEquals([code, stderr], [2, `pagi-server: ${message}\n`]);
  }
});

testWith(
  ["setpriv"],
  "who is not root cannot become another user, and a taken away right is named (as root)",
  async () => {
    const copy = readableProgram();
    for (
      const [setpriv, message] of [
        [
          `--reuid=${NOBODY} --regid=${NOBODY} --clear-groups`,
          "Only root can change the user or group, and this is user 65534. Start as root, or without --user and --group.",
        ],
        [
          "--bounding-set=-setuid",
          "As root, the user cannot become 1: this container or unit takes that right away from root.",
        ],
      ]
    ) {
      const program = copy.program.map((word) => `'${word}'`).join(" ");
      const { code, stderr } = await runProgram(
        ["--user", "1", "--group", "1", "--pid", "a.pid", ...QUIET, "./app.js"],
        {
          files: FILES,
          env: copy.env,
          shell: `chmod 777 .; shift 4; setpriv ${setpriv} ${program} "$@"
          code=$?; [ -e a.pid ] && exit 99; exit $code`,
        },
      );
      assertEquals([code, stderr], [1, `pagi-server: ${message}\n`]);
    }
  },
  { ignore },
);

Deno.test(
  "as root, workers of a user who cannot read Deno's cache or the program end with what to do",
  { ignore },
  async () => {
    const copy = readableProgram();
    for (
      const [folder, remedy] of [
        ["deno_dir", "Set DENO_DIR to a cache that everybody can read"],
        ["src", "Install this program where everybody can read it"],
      ]
    ) {
      Deno.chmodSync(join(copy.folder, folder), 0o700);
      const { code, stderr } = await runProgram(
        ["--user", "nobody", "-w", "2", ...QUIET, "./app.js"],
        { files: FILES, ...from(copy) },
      );
      assertEquals(code, 1, stderr);
      assertMatch(
        stderr,
        new RegExp(
          `^pagi-server: The user that the server runs as cannot read \\S+, and workers must\\. ${remedy}, or use the compiled program\\.$`,
          "m",
        ),
      );
      Deno.chmodSync(join(copy.folder, folder), 0o755);
    }
  },
);

Deno.test(
  "as root, the user of --user logs to the outputs that root has opened, by whatever path",
  { ignore },
  async () => {
    for (const stdout of ["-", "/dev/stdout", "/proc/self/fd/1"]) {
      await using program = Program.spawn(
        [
          ...["--user", "nobody", "-p", "0", "--log-file", stdout],
          ...["--access-log", "/dev/stderr", "./app.js"],
        ],
        { files: FILES, shell: PUBLIC },
      );
      await until(() => / port \d+|http:\/\/\S+:\d+/.test(program.log));
      await json(program.url);
      const { stdout: text, stderr } = await program.stop();
      assertMatch(text, / info {2}Ready at .*\n.* info {2}SIGTERM: stopping/s);
      assertMatch(stderr, /"GET \/" 200/);
    }
  },
);

Deno.test(
  "as root, a log that is a hard link in another user's folder is refused with a sentence, and so is one behind that user's link",
  { ignore },
  async () => {
    for (
      const [option, code] of [["--access-log", 2], ["--log-file", 2]] as const
    ) {
      for (
        const [trap, reason] of [
          [
            "touch secret; ln secret theirs/a.log",
            "the file has a second name \\(a hard link\\)",
          ],
          [
            "touch secret; ln -s ../secret theirs/a.log",
            "user 65534 can change where \\S+ leads",
          ],
        ]
      ) {
        const ended = await runProgram(
          ["-p", "0", option, "theirs/a.log", "./app.js"],
          {
            files: FILES,
            shell:
              `chmod 755 .; mkdir theirs; ${trap}; chown ${NOBODY} theirs; "$@"
               code=$?; [ -s secret ] && exit 99; exit $code`,
          },
        );
        assertEquals(ended.code, code, ended.stderr);
        assertMatch(
          ended.stderr,
          new RegExp(
            `^pagi-server: ${option} ".*a\\.log" cannot be opened: ${reason}.* root does not`,
            "m",
          ),
        );
      }
    }
  },
);
