import { assert, assertEquals } from "../../src/std/assert.ts";
import {
  notifyReady,
  setCloseOnExec,
  spawnWithReadyPipe,
} from "../../src/system/process_pipes.ts";

const options = { ignore: Deno.build.os !== "linux", sanitizeResources: false };

Deno.test(
  "no signal is written to a file that has the number of the pipe",
  options,
  async () => {
    const { started: pipe, signalled } = spawnWithReadyPipe(setCloseOnExec);
    assert(pipe !== null);
    const path = await Deno.makeTempFile();
    const place = `/proc/self/fd/${pipe.descriptor}`;
    using others = new DisposableStack();
    let file = Deno.openSync(path, { write: true });
    // Numbers are given out from the lowest: one of the next files has it.
    for (let i = 0; i < 99 && linkOf(place) !== path; i++) {
      others.use(file);
      file = Deno.openSync(path, { write: true });
    }
    assertEquals(linkOf(place), path);
    notifyReady(pipe);
    file.writeSync(new TextEncoder().encode("mine"));
    file.close();
    assertEquals(await Deno.readTextFile(path), "mine");
    assertEquals(await signalled, false);
    await Deno.remove(path);
  },
);

Deno.test("what is no pipe is not taken for one", options, async () => {
  const path = await Deno.makeTempFile();
  using _file = Deno.openSync(path);
  const [number] = [...Deno.readDirSync("/proc/self/fd")]
    .map(({ name }) => Number(name))
    .filter((descriptor) => linkOf(`/proc/self/fd/${descriptor}`) === path);
  assertEquals(setCloseOnExec(number), null);
  assertEquals(setCloseOnExec(99_999), null);
  await Deno.remove(path);
});

/** Where a link leads; null when it is gone. */
function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}
