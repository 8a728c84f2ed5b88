/** What root does in a folder whose owner works against it. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { configureLog } from "../../src/log/log.ts";
import { PidFile } from "../../src/process/pid_file.ts";
import { SocketPath } from "../../src/server/socket_path.ts";
import { giveFile, openToAppend } from "../../src/system/folder.ts";
import { ReadableCopy } from "../helpers/readable_copy.ts";

const ROUNDS = 300;
const NOBODY = 65534;
const CHILD = "tests/system/swapper.ts";

const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;
const title = (text: string): string =>
  ignore ? `${text} (skipped: it takes root, on Linux)` : text;

/** What root does to `path`, and undoes again. */
const ACTS: Record<string, (path: string) => void | Promise<void>> = {
  "writing and removing a pid file": (path) => {
    new PidFile(path, { owner: { uid: NOBODY, gid: NOBODY } }).remove();
  },
  "giving a log file away": (path) => giveFile(path, NOBODY, 0o640),
  "opening a log file": (path) => {
    const file = openToAppend(path, 0o640);
    file.writeSync(new TextEncoder().encode("a line\n"));
    file.close();
  },
  "binding a Unix socket with its mode": async (path) => {
    const socket = new SocketPath(path);
    let listener: Deno.Listener | undefined;
    try {
      await socket.bind(false, 0o666, (at) => {
        listener = Deno.listen({ transport: "unix", path: at });
      });
      socket.release();
    } finally {
      listener?.close();
    }
  },
};

for (const [what, act] of Object.entries(ACTS)) {
  Deno.test(
    title(
      `${what} in another user's folder touches nothing of root's, whatever that user swaps`,
    ),
    { ignore },
    async () => {
      using copy = new ReadableCopy([CHILD]);
      const outer = Deno.makeTempDirSync({ prefix: "pagi-race-" });
      const [folder, mine] = [join(outer, "theirs"), join(outer, "mine")];
      Deno.chmodSync(outer, 0o755);
      Deno.mkdirSync(join(folder, "inner"), { recursive: true });
      for (const path of [folder, join(folder, "inner")]) {
        Deno.chownSync(path, NOBODY, NOBODY);
      }
      Deno.mkdirSync(mine, { mode: 0o700 });
      const secret = join(mine, "secret");
      Deno.writeTextFileSync(secret, "1\n", { mode: 0o600 });
      const child = new Deno.Command(copy.deno, {
        args: [
          ...["run", "-A", join(copy.folder, CHILD)],
          ...[folder, secret, mine, `${ROUNDS * 1000}`],
        ],
        env: { ...copy.env, NO_COLOR: "1" },
        uid: NOBODY,
        gid: NOBODY,
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const output = child.stdout.getReader();
      configureLog({ level: "error", write() {} });
      let refused = 0;
      try {
        assert(!(await output.read()).done, "the other user does not start");
        for (let round = 0; round < ROUNDS; round++) {
          try {
            await act(join(folder, "inner", "name"));
          } catch (error) {
            assert(error instanceof Error);
            refused++;
          }
          if (round % 16 === 0) await new Promise((go) => setTimeout(go, 0));
        }
      } finally {
        configureLog({ level: "info" });
        await output.cancel();
        await child.stdin.close();
        await child.status;
      }
      assert(refused <= ROUNDS);
      const { uid, mode } = Deno.statSync(secret);
      assertEquals([uid, mode! & 0o777], [0, 0o600]);
      assertEquals(Deno.readTextFileSync(secret), "1\n");
      assertEquals([...Deno.readDirSync(mine)].map(({ name }) => name), [
        "secret",
      ]);
      assertEquals(Deno.statSync(mine).uid, 0);
      Deno.removeSync(outer, { recursive: true });
    },
  );
}

Deno.test(
  title(
    "root does not append to a hard link, a link or a pipe in another user's folder, and does to plain files, to devices, and to its own links and pipes",
  ),
  { ignore },
  () => {
    const outer = Deno.makeTempDirSync({ prefix: "pagi-race-" });
    Deno.chmodSync(outer, 0o755);
    const folder = join(outer, "theirs");
    Deno.mkdirSync(folder);
    Deno.chownSync(folder, NOBODY, NOBODY);
    const secret = join(outer, "secret");
    Deno.writeTextFileSync(secret, "", { mode: 0o600 });
    const at = (name: string): string => join(folder, name);
    Deno.linkSync(secret, at("hard"));
    Deno.symlinkSync(secret, at("soft"));
    Deno.writeTextFileSync(at("plain"), "");
    Deno.chownSync(at("plain"), NOBODY, NOBODY);
    new Deno.Command("mkfifo", { args: [at("pipe"), join(outer, "own")] })
      .outputSync();
    Deno.chownSync(at("pipe"), NOBODY, NOBODY);
    for (const name of ["hard", "soft", "pipe"]) {
      let message = "";
      try {
        openToAppend(at(name), 0o640).close();
      } catch (error) {
        message = (error as Error).message;
      }
      assert(/root does not/.test(message), `${name}: ${message}`);
    }
    for (const name of ["plain", "fresh"]) {
      openToAppend(at(name), 0o640).close();
    }
    for (const path of ["/dev/null", "/dev/stderr", "/proc/self/fd/2"]) {
      openToAppend(path, 0o640).close();
    }
    // Root's own links and pipes are what root means.
    Deno.symlinkSync("sub/../plain", join(outer, "link"));
    Deno.mkdirSync(join(outer, "sub"));
    openToAppend(join(outer, "link"), 0o640).close();
    assert(Deno.statSync(join(outer, "plain")).isFile);
    const own = join(outer, "own");
    const reader = Deno.openSync(own, { read: true, write: true });
    openToAppend(own, 0o640).close();
    reader.close();
    Deno.removeSync(outer, { recursive: true });
  },
);
