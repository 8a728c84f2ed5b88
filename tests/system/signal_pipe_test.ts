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
    const path = await Deno.makeTempFile();
    using others = new DisposableStack();
    const open = () => Deno.openSync(path, { write: true });
    // Numbers are given out from the lowest: one of the next files has that of
    // the pipe, unless a test beside this one in the process has got it.
    let { started: pipe, signalled } = spawnWithReadyPipe(setCloseOnExec);
    let file = open();
    for (let i = 1; linkOf(pipe) !== path; i++) {
      assert(i < 500);
      others.use(file);
      if (i % 50 === 0) {
        ({ started: pipe, signalled } = spawnWithReadyPipe(setCloseOnExec));
      }
      file = open();
    }
    assert(pipe !== null);
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
    .filter((descriptor) => linkOf({ descriptor }) === path);
  assertEquals(setCloseOnExec(number), null);
  assertEquals(setCloseOnExec(99_999), null);
  await Deno.remove(path);
});

/** What a descriptor stands for; null when it is closed. */
function linkOf(of: { readonly descriptor: number } | null): string | null {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${of?.descriptor}`);
  } catch {
    return null;
  }
}
