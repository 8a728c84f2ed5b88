import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { dirname, join } from "../../src/std/path.ts";
import { Daemon, isAlive } from "../helpers/daemon.ts";
import { ReadableCopy } from "../helpers/readable_copy.ts";
import {
  Program,
  type ProgramOptions,
  runProgram,
  until,
} from "../helpers/run_program.ts";

/** A cache that only root can read takes root to make, and to leave. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

const NOBODY = 65534;
/** Its packages are not the server's own. */
const APP = `import { Hono } from "npm:hono@4.13.19";
  const text = new Hono().get("/", (c) => c.text(\`VERSION \${Deno.uid()}\`));
  export default { fetch: text.fetch };`;
const ARGS = ["--user", "nobody", "-w", "2", "--no-access-log"];
const PLACE = "tmp";

/** An app by the version that it tells. */
function app(version: string): string {
  return APP.replace("VERSION", version);
}

/** The program and its cache, which root alone can read, as /root is. */
function secret(
  copy: ReadableCopy,
  flags = "",
): ProgramOptions {
  const home = dirname(copy.env.DENO_DIR) + "/home";
  const cache = join(home, ".cache/deno");
  Deno.mkdirSync(dirname(cache), { recursive: true });
  Deno.renameSync(copy.env.DENO_DIR, cache);
  Deno.chmodSync(home, 0o700);
  const [deno, ...words] = copy.program;
  const program = [deno, "run", flags, ...words.slice(1)].join(" ");
  return {
    files: { "app.ts": app("one") },
    env: { HOME: home, DENO_DIR: null },
    // Copies are made where the test can look.
    shell: `umask 077; chmod 755 . app.ts; mkdir ${PLACE}; chmod 1777 ${PLACE}
      export TMPDIR="$PWD/${PLACE}"; shift 4; exec ${program} "$@"`,
  };
}

/** What there is of copies. */
function copies(folder: string): string[] {
  return [...Deno.readDirSync(join(folder, PLACE))].map(({ name }) => name)
    .filter((name) => name.startsWith("pagi-server-cache-"));
}

async function answer(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

/** A port below 1024 that nobody uses. */
function lowPort(): number {
  for (let port = 600; port < 1024; port++) {
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch {
      // the next one, then
    }
  }
  throw new Error("no port below 1024 is free");
}

function change(folder: string, version: string): void {
  const path = join(folder, "app.ts");
  Deno.writeTextFileSync(path, app(version));
}

Deno.test(
  "as root, --user with -w 2, -D, --pid and a low port works though only root can read Deno's cache, and HUP, USR2 and TERM do",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    const port = lowPort();
    const url = `http://127.0.0.1:${port}`;
    await using daemon = await Daemon.start(
      [...ARGS, "-p", `${port}`, "./app.ts"],
      secret(copy),
    );
    const { folder } = daemon;
    assertEquals(await answer(url), `one ${NOBODY}`);
    const [made] = copies(folder);
    const { uid, mode } = Deno.statSync(join(folder, PLACE, made));
    assertEquals([uid, mode! & 0o077], [NOBODY, 0]);
    const npm = join(folder, PLACE, made, "npm");
    const [registry] = Deno.readDirSync(npm);
    const file = join(npm, registry.name, "hono", "registry.json");
    assertEquals(Deno.statSync(file).nlink, 2);

    change(folder, "two");
    Deno.kill(daemon.pid, "SIGHUP");
    await until(async () => await answer(url) === `two ${NOBODY}`);

    change(folder, "three");
    await daemon.renew();
    assertEquals(await answer(url), `three ${NOBODY}`);
    assertEquals(copies(folder), [made]);
    change(folder, "four");
    Deno.kill(daemon.pid, "SIGHUP");
    await until(async () => await answer(url) === `four ${NOBODY}`);
    await daemon.stop();
    assertEquals(copies(folder), []);
    assertEquals(daemon.pidFile(), "");
  },
);

Deno.test(
  "as root, a server in the foreground that starts over with a readable cache stays one process with its words and streams",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    await using program = Program.spawn(
      [...ARGS, "-p", "0", "--pid", "p", "app.ts"],
      secret(copy),
    );
    await program.logged(/Ready at/);
    const { folder } = program;
    assertEquals(program.read("p"), `${program.pid}\n`);
    assertEquals(await answer(program.url), `one ${NOBODY}`);
    assertEquals(copies(folder).length, 1);
    const words = Deno.readTextFileSync(`/proc/${program.pid}/cmdline`);
    assertMatch(words, /deno\0run\0-A\0.*main\.ts\0--user\0nobody\0/s);
    change(folder, "two");
    program.signal("SIGHUP");
    await until(async () => await answer(program.url) === `two ${NOBODY}`);
    const { code } = await program.stop();
    assertEquals([code, copies(folder)], [0, []]);
  },
);

Deno.test(
  "as root, one process has the cache too, and a successor that does not start leaves it there",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    await using program = Program.spawn(
      ["--user", "nobody", "-p", "0", "./app.ts"],
      secret(copy),
    );
    await program.logged(/Ready at/);
    const made = copies(program.folder);
    assertEquals(made.length, 1);
    Deno.writeTextFileSync(join(program.folder, "app.ts"), "this is no code");
    program.signal("SIGUSR2");
    await program.logged(/successor ended with exit code 1/);
    assertEquals(copies(program.folder), made);
    await program.stop();
    assertEquals(copies(program.folder), []);
  },
);

Deno.test(
  "as root, a server removes the caches of killed ones, and no other server's",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    const options = secret(copy);
    const args = ["--user", "nobody", "-p", "0", "./app.ts"];
    await using first = Program.spawn(args, options);
    await first.logged(/Ready at/);
    const [killed] = copies(first.folder);
    // The others use the place of the first.
    const shell = options.shell!
      .replace("$PWD", first.folder).replace(/mkdir .*/, "");
    await using second = Program.spawn(args, { ...options, shell });
    await second.logged(/Ready at/);
    const both = copies(first.folder);
    assertEquals([both.length, both.includes(killed)], [2, true]);
    await first.stop("SIGKILL");
    await using third = Program.spawn(args, { ...options, shell });
    await third.logged(/Ready at/);
    const left = copies(first.folder);
    assertEquals([left.length, left.includes(killed)], [2, false]);
    await second.stop();
    await third.stop();
    assertEquals(copies(first.folder), []);
  },
);

Deno.test(
  "as root, a start that fails leaves no cache behind",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    const options = secret(copy);
    for (const args of [["./missing.ts"], ["-D", "./missing.ts"]]) {
      const { code, stderr } = await runProgram(
        [...ARGS, "-p", "0", ...args],
        {
          ...options,
          shell: options.shell!.replace("exec ", "") + `
            code=$?; ls ${PLACE} | grep -q . && exit 99; exit $code`,
        },
      );
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /missing\.ts/);
    }
  },
);

Deno.test(
  "as root, interrupting the command that starts a daemon leaves no cache behind",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    await using program = Program.spawn(
      [...ARGS, "-D", "--pid", "p", "-p", "0", "./app.ts"],
      {
        ...secret(copy),
        files: { "app.ts": "await new Promise((r) => setTimeout(r, 60_000));" },
      },
    );
    let daemon = NaN;
    await until(() => {
      try {
        daemon = Number(program.read("p"));
        return daemon > 0;
      } catch {
        return false;
      }
    });
    assertEquals(copies(program.folder).length, 1);
    await program.stop("SIGINT");
    await until(() => !isAlive(daemon));
    assertEquals(copies(program.folder), []);
  },
);

Deno.test(
  "as root, what the user can read is not copied, and where no copy can be made or is of no use the command says what to do",
  { ignore },
  async () => {
    using copy = new ReadableCopy();
    {
      const [deno, ...words] = copy.program;
      await using program = Program.spawn([...ARGS, "-p", "0", "./app.ts"], {
        files: { "app.ts": app("one") },
        env: { ...copy.env },
        shell: `chmod 755 .; shift 4; exec ${deno} ${words.join(" ")} "$@"`,
      });
      await program.logged(/Ready at/);
      const environment = Deno.readTextFileSync(`/proc/${program.pid}/environ`);
      assert(environment.includes(`DENO_DIR=${copy.env.DENO_DIR}\0`));
    }
    const options = secret(copy, "--deny-write=/var/tmp,/tmp");
    const denied = await runProgram([...ARGS, "-p", "0", "./app.ts"], options);
    assertEquals(denied.code, 1);
    assertMatch(
      denied.stderr,
      /^pagi-server: The user that the server runs as cannot read \S+, and workers must\. Set DENO_DIR to a cache that everybody can read, or use the compiled program\.$/m,
    );
    Deno.chmodSync(join(copy.folder, "src"), 0o700);
    const source = await runProgram([...ARGS, "-p", "0", "./app.ts"], {
      ...options,
      shell: options.shell!.replace("--deny-write=/var/tmp,/tmp", ""),
    });
    assertEquals(source.code, 1);
    assertMatch(
      source.stderr,
      /^pagi-server: The user .* cannot read \S+, and workers must\. Install this program where everybody can read it, or use the compiled program\.$/m,
    );
  },
);
