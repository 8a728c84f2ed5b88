/** Drives by the clients that people have. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { runProgram, testWith } from "../helpers/programs.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { TempFolder } from "../helpers/temp_folder.ts";

/** Serves `root` as a drive by two workers. */
function serveDrive(root: string): Promise<Program> {
  return startProgram([
    "-p",
    "0",
    "-w",
    "2",
    "PAGI::App::Directory",
    `root=${root}`,
    "webdav=1",
    "upload=1",
    "mkdir=1",
    "rename=1",
    "delete=1",
    "overwrite=1",
  ]);
}

function randomFile(path: string): Uint8Array {
  const bytes = new Uint8Array(3_000_000);
  for (let at = 0; at < bytes.length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  Deno.writeFileSync(path, bytes);
  return bytes;
}

testWith(
  ["litmus"],
  "litmus finds nothing wrong, with two workers",
  async () => {
    using root = new TempFolder();
    using cwd = new TempFolder();
    await using program = await serveDrive(root.path);
    const { text } = await runProgram("litmus", ["-k", `${program.url}/`], {
      cwd: cwd.path,
    });
    const summaries = [...text.matchAll(/summary for `(\w+)'.* (\d+) failed/g)];
    assertEquals(
      summaries.map(([, suite, failed]) => [suite, failed]),
      ["basic", "copymove", "props", "locks", "http"].map((
        suite,
      ) => [suite, "0"]),
      text,
    );
  },
);

testWith(
  ["rclone"],
  "rclone gets, lists and stores the same bytes",
  async () => {
    using root = new TempFolder();
    using files = new TempFolder();
    const sent = randomFile(join(files.path, "to send.bin"));
    const stored = randomFile(join(root.path, "ü%20#?.bin"));
    await using program = await serveDrive(root.path);
    const rclone = async (...args: string[]) => {
      const { success, text } = await runProgram("rclone", [
        "--config",
        "/dev/null",
        "--webdav-url",
        program.url,
        ...args,
      ]);
      assert(success, text);
      return text;
    };
    await rclone("copy", files.path, ":webdav:new folder/deep");
    assertEquals(
      Deno.readFileSync(join(root.path, "new folder/deep/to send.bin")),
      sent,
    );
    const list = await rclone("lsf", "-R", ":webdav:");
    assertStringIncludes(list, "ü%20#?.bin");
    await rclone("copy", ":webdav:", files.path);
    assertEquals(Deno.readFileSync(join(files.path, "ü%20#?.bin")), stored);
    await rclone("purge", ":webdav:new folder");
    assertEquals([...Deno.readDirSync(root.path)].length, 1);
  },
);

testWith(
  ["cadaver"],
  "cadaver stores, locks, moves and gets a file",
  async () => {
    using root = new TempFolder();
    using files = new TempFolder();
    const bytes = randomFile(join(files.path, "a.bin"));
    await using program = await serveDrive(root.path);
    const commands = join(files.path, "commands");
    Deno.writeTextFileSync(
      commands,
      "mkcol c\ncd c\nput a.bin\nlock a.bin\ndiscover a.bin\nmove a.bin b.bin\nunlock a.bin\nget b.bin b.bin\nls\nquit\n",
    );
    const shell = 'exec cadaver "$1" < commands';
    const { text } = await runProgram("sh", ["-c", shell, "sh", program.url], {
      cwd: files.path,
      env: { HOME: files.path },
    });
    assertMatch(text, /Lock token <urn:uuid:/);
    assertEquals(Deno.readFileSync(join(files.path, "b.bin")), bytes, text);
  },
);

const canMount = Deno.build.os === "linux" && Deno.uid() === 0 &&
  await Deno.open("/dev/fuse", { read: true, write: true }).then(
    (file) => (file.close(), true),
    () => false,
  );

testWith(
  canMount ? ["mount.davfs"] : ["the right to use /dev/fuse"],
  "a drive that davfs2 has mounted gives and takes the same bytes",
  async () => {
    using root = new TempFolder();
    using files = new TempFolder();
    const stored = randomFile(join(root.path, "there.bin"));
    const mount = join(files.path, "mount");
    Deno.mkdirSync(mount);
    await using program = await serveDrive(root.path);
    const shell = 'printf "\\n\\n" | mount.davfs "$1" "$2"';
    const args = ["-c", shell, "sh", program.url, mount];
    const { success, text } = await runProgram("sh", args);
    assert(success, text);
    try {
      assertEquals(Deno.readFileSync(join(mount, "there.bin")), stored);
      Deno.mkdirSync(join(mount, "new"));
      Deno.writeFileSync(join(mount, "new/back.bin"), stored);
    } finally {
      await runProgram("umount", [mount]);
    }
    assertEquals(Deno.readFileSync(join(root.path, "new/back.bin")), stored);
  },
);
