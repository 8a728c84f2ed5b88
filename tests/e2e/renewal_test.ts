/** Certificates that are renewed while the server runs. */

import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { isAlive } from "../helpers/daemon.ts";
import { testWith } from "../helpers/programs.ts";
import { readableProgram } from "../helpers/readable_copy.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

const FILES = { "app.js": workerApp("one") };
const QUIET = ["-p", "0", "--no-access-log", "./app.js"];
const NOBODY = 65534;
const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const LIVE = "live/example.org";
const ARCHIVE = "archive/example.org";

/** Certificates as certbot lays them out: links to files that root may read. */
class Certbot implements Disposable {
  readonly folder: string;
  #issued = 0;

  constructor() {
    this.folder = Deno.makeTempDirSync({ prefix: "pagi-certbot-" });
    for (const path of [LIVE, ARCHIVE]) {
      Deno.mkdirSync(`${this.folder}/${path}`, { recursive: true });
      Deno.chmodSync(`${this.folder}/${path}`, 0o700);
    }
  }

  get args(): string[] {
    const live = `${this.folder}/${LIVE}`;
    return [
      ...["--ssl-cert", `${live}/fullchain.pem`],
      ...["--ssl-key", `${live}/privkey.pem`],
    ];
  }

  /** Issues a certificate, and has the links lead to it. */
  async issue(): Promise<string> {
    const number = ++this.#issued;
    const file = (name: string): string => `${ARCHIVE}/${name}${number}.pem`;
    const words =
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2
      -subj /CN=localhost -addext basicConstraints=CA:FALSE
      -addext subjectAltName=IP:127.0.0.1
      -keyout ${file("privkey")} -out ${file("fullchain")}`;
    const { success } = await new Deno.Command("openssl", {
      args: words.split(/\s+/),
      cwd: this.folder,
      stderr: "null",
    }).output();
    assert(success);
    Deno.chmodSync(`${this.folder}/${file("privkey")}`, 0o600);
    for (const name of ["privkey", "fullchain"]) {
      const link = `${this.folder}/${LIVE}/${name}.pem`;
      Deno.symlinkSync(`../../${file(name)}`, `${link}.new`);
      Deno.renameSync(`${link}.new`, link);
    }
    return Deno.readTextFileSync(`${this.folder}/${file("fullchain")}`);
  }

  /** Has the present key be no key. */
  spoil(): void {
    const path = `${ARCHIVE}/privkey${this.#issued}.pem`;
    Deno.writeTextFileSync(`${this.folder}/${path}`, "no key");
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** What the server answers to a client that trusts that certificate alone. */
async function ask(program: Program, trusted: string): Promise<string> {
  using client = Deno.createHttpClient({ caCerts: [trusted] });
  return await (await fetch(program.url, { client })).text();
}

/** The project's configuration without what lets listeners share a port. */
function noSharing(folder: string): string {
  const config = new URL("../../deno.json", import.meta.url);
  const { imports } = JSON.parse(Deno.readTextFileSync(config));
  const path = `${folder}/deno.json`;
  Deno.writeTextFileSync(path, JSON.stringify({ imports }));
  return path;
}

for (const shared of [true, false]) {
  testWith(
    ["openssl"],
    `HUP in a single process ${
      shared ? "with" : "without"
    } shared ports serves a renewed certificate, and keeps the present one where the files are broken`,
    async () => {
      using certbot = new Certbot();
      const first = await certbot.issue();
      await using program = await startProgram([...certbot.args, ...QUIET], {
        files: FILES,
        permissions: shared
          ? ["-A"]
          : ["-A", "--config", noSharing(certbot.folder)],
      });
      assertMatch(await ask(program, first), /^one /);
      const second = await certbot.issue();
      program.signal("SIGHUP");
      await program.logged(
        / info {2}New connections get the renewed certificate/,
      );
      assertMatch(await ask(program, second), /^one /);
      certbot.spoil();
      program.signal("SIGHUP");
      await program.logged(
        / error The TLS files cannot be used, so the current/,
      );
      assertMatch(await ask(program, second), /^one /);
      assertEquals((await program.stop()).code, 0);
    },
  );
}

/** Processes that were started with a word that contains `text`. */
function processesWith(text: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter(
    (name) => {
      try {
        return /^\d+$/.test(name) &&
          Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(text);
      } catch {
        return false; // it has ended
      }
    },
  );
}

for (const workers of ["1", "2"]) {
  const title =
    `HUP and USR2 serve a renewed certificate whose key only root may read, to a server of --user with ${workers} worker(s), and nothing of root is left`;
  if (!isRoot) {
    Deno.test(`${title} (skipped: it takes root, on Linux)`, {
      ignore: true,
    }, () => {});
    continue;
  }
  testWith(["openssl"], title, async () => {
    using certbot = new Certbot();
    const copy = readableProgram();
    const first = await certbot.issue();
    const program = copy.program.map((word) => `'${word}'`).join(" ");
    const args = ["--user", "nobody", "-w", workers, "--pid", "a.pid"];
    await using server = await startProgram(
      [...args, ...certbot.args, ...QUIET],
      {
        files: FILES,
        env: copy.env,
        shell: `chmod 755 .; shift 4; exec ${program} "$@"`,
      },
    );
    try {
      assertMatch(await ask(server, first), /^one /);
      assert(!server.log.includes("cannot read"), server.log);
      const second = await certbot.issue();
      server.signal("SIGHUP");
      await server.logged(
        workers === "1"
          ? /New connections get the renewed certificate/
          : /replaces worker 2: SIGHUP/,
      );
      assertMatch(await ask(server, second), /^one /);
      const third = await certbot.issue();
      server.signal("SIGUSR2");
      await server.logged(/Process \d+ has taken over; this one finishes/);
      // Until its listener is closed, the old process takes connections as well.
      await until(() => !isAlive(server.pid));
      assertMatch(await ask(server, third), /^one /);
      const successor = Number(server.read("a.pid"));
      assert(successor !== server.pid);
      const status = Deno.readTextFileSync(`/proc/${successor}/status`);
      assertMatch(status, new RegExp(`^Uid:\\s+${NOBODY}\\s`, "m"));
      Deno.kill(successor, "SIGTERM");
      await until(() => processesWith(certbot.folder).length === 0);
      assertEquals(
        [...Deno.readDirSync(server.folder)].map(({ name }) => name),
        [
          "app.js",
        ],
      );
    } finally {
      // A successor would keep the outputs of the first process open.
      for (const pid of processesWith(certbot.folder)) {
        Deno.kill(Number(pid), "SIGKILL");
      }
    }
  });
}
