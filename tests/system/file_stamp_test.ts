import { assertEquals } from "../../src/std/assert.ts";

const CHILD = new URL("file_stamp_child.ts", import.meta.url).pathname;

for (
  const [how, permissions] of Object.entries({
    "by the C library": ["--allow-ffi"],
    "by Deno alone": ["--deny-ffi"],
  })
) {
  Deno.test(`a look ${how} tells the same file from any other`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--allow-read",
          "--allow-write",
          ...permissions,
          CHILD,
          folder,
        ],
      }).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      assertEquals([text(stdout), code], ["", 0], text(stderr));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
