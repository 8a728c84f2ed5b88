import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";

const ignore = Deno.build.os !== "linux";
const CHILD = fromFileUrl(
  new URL("./standard_streams_child.ts", import.meta.url),
);

interface Detached {
  /** What the process said until it let go of its streams. */
  output: string;
  log: string;
  /** Where its descriptors lead while it lives. */
  links: Map<number, string>;
}

/** Starts the child in a shell, and looks at it when it has let go. */
async function detach(shell: string): Promise<Detached> {
  const folder = tempFolder();
  const log = join(folder, "a.log");
  const child = new Deno.Command("sh", {
    args: ["-c", shell, "sh", Deno.execPath(), "run", "-A", CHILD, log],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const patience = setTimeout(() => child.kill("SIGKILL"), 20_000);
  try {
    const output = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    while (!Deno.readTextFileSync(log).includes("after")) {
      await delay(5);
    }
    const descriptors = `/proc/${child.pid}/fd`;
    const links = [...Deno.readDirSync(descriptors)].map(({ name }) =>
      [Number(name), Deno.readLinkSync(`${descriptors}/${name}`)] as const
    );
    return {
      output: output.join(""),
      log: Deno.readTextFileSync(log),
      links: new Map(links),
    };
  } finally {
    clearTimeout(patience);
    child.kill("SIGKILL");
    await child.status;
    await child.stdin.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test(
  "detachStandardStreams() lets go of pipes, and no copy of them is left",
  { ignore },
  async () => {
    // That this returns at all shows it: the pipes have ended.
    const { output, links } = await detach('exec "$@"');
    assertEquals(output, "heard\nheard\n");
    for (const stream of [0, 1, 2]) {
      assertEquals(links.get(stream), "/dev/null");
    }
  },
);

Deno.test(
  "detachStandardStreams() keeps an output that goes to a file, and its lines",
  { ignore },
  async () => {
    const { log, links } = await detach('exec "$@" >>a.log');
    assertMatch(log, /^heard\nbefore\nlost\n(?:lost\n)*after\n/);
    assertMatch(links.get(1)!, /\/a\.log$/);
    for (const stream of [0, 2]) {
      assertEquals(links.get(stream), "/dev/null");
    }
  },
);
