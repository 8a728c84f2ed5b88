import { assert } from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";

const FOLDER = fromFileUrl(new URL("own_process", import.meta.url));

for (
  const [name, what] of [
    ["admission", "how many connections are let in"],
    ["connections", "which connection a descriptor is"],
    ["file_locks", "locks on files that take a connection's number"],
    ["reuseport", "which listener gets a connection"],
  ]
) {
  // `deno test` has the other files in threads of one process, whose
  // descriptors those tests count, and whose numbers they expect.
  Deno.test(`${what}: the tests of own_process/${name}.ts pass in a process of their own`, async () => {
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["test", "-A", "--no-check", `${FOLDER}/${name}.ts`],
        env: { NO_COLOR: "1" },
      },
    ).output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stdout) + decoder.decode(stderr));
  });
}
