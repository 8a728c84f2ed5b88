/** Uploads that cannot be finished: clients that leave, disks that are full. */

import { fromFileUrl } from "../../../src/std/path.ts";
import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../../src/std/assert.ts";
import { runProgram } from "../../helpers/programs.ts";
import { startProgram } from "../../helpers/run_program.ts";
import { ALL, UploadFolder } from "../../helpers/upload_folder.ts";
import { until } from "../../helpers/wait.ts";

const ABORT_UPLOADS = fromFileUrl(
  new URL("./abort_uploads.ts", import.meta.url),
);

Deno.test("uploads broken off at random bytes leave no file and no descriptor", async () => {
  const args = ["run", "-A", "--unstable-net", ABORT_UPLOADS, "200"];
  const { success, text } = await runProgram(Deno.execPath(), args);
  assertMatch(text, /no file and no descriptor is left/);
  assertEquals(success, true);
});

/** Mounts a file system of a few kilobytes; false where that is not allowed. */
async function mountTiny(path: string): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const args = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path];
  return (await runProgram("mount", args)).success;
}

const canMount = await (async () => {
  const path = await Deno.makeTempDir();
  const isMounted = await mountTiny(path);
  if (isMounted) await runProgram("umount", [path]);
  await Deno.remove(path);
  return isMounted;
})();

Deno.test({
  name: canMount
    ? "a full disk gets 507, and nothing is lost or left"
    : "a full disk gets 507 (skipped: this user may not mount a tmpfs)",
  ignore: !canMount,
  async fn() {
    using folder = new UploadFolder({ ...ALL, overwrite: "1" });
    const path = `${folder.path}/tiny`;
    Deno.mkdirSync(path);
    await mountTiny(path);
    try {
      await folder.send("PUT", "/tiny/a", { body: "old" });
      const large = "x".repeat(400_000);
      const put = await folder.send("PUT", "/tiny/a", { body: large });
      assertEquals(put.status, 507);
      assertStringIncludes(put.text, "no space left");
      assertEquals(folder.tree(), { tiny: null, "tiny/a": "old" });
      const again = await folder.send("PUT", "/tiny/b", { body: "small" });
      assertEquals(again.status, 201);
    } finally {
      await runProgram("umount", [path]);
    }
  },
});

Deno.test("a stop removes what is being uploaded", async () => {
  using folder = new UploadFolder();
  await using program = await startProgram([
    "-p",
    "0",
    "--shutdown-timeout",
    "1",
    "PAGI::App::Directory",
    `root=${folder.path}`,
    "upload=1",
  ]);
  const { port } = new URL(program.url);
  using connection = await Deno.connect({ port: Number(port) });
  await connection.write(new TextEncoder().encode(
    `PUT /a HTTP/1.1\r\nhost: localhost:${port}\r\ncontent-length: 10\r\n\r\nfive `,
  ));
  await until(() => Object.keys(folder.tree()).length === 1);
  await program.stop();
  assertEquals(folder.tree(), {});
});
