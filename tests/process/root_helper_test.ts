import { assertEquals } from "../../src/std/assert.ts";
import { resolveSettings } from "../../src/options/resolve_settings.ts";
import { commandLine } from "../../src/process/own_process.ts";
import { RootHelper } from "../../src/process/root_helper.ts";
import { join } from "../../src/std/path.ts";
import { runProgram } from "../helpers/run_program.ts";
import { testWith } from "../helpers/programs.ts";
import { until } from "../helpers/wait.ts";
import { workerApp } from "../helpers/worker_app.ts";

/** What is tested here takes root to do. */
const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;

const NOBODY = 65534;

testWith(
  ["setpriv"],
  "the helper of --user writes into root's pid file the number of a process of that user, and nothing else that an app asks for (as root)",
  async () => {
    const folder = Deno.makeTempDirSync({ dir: "/run", prefix: "pagi-" });
    const pid = join(folder, "server.pid");
    // A folder that looks like that of a process of the user.
    const process = join(folder, "a 1");
    Deno.mkdirSync(process);
    Deno.writeTextFileSync(join(process, "status"), `Uid:\t${NOBODY}\t\n`);
    const nobodys = new Deno.Command("setpriv", {
      args: ["--reuid", `${NOBODY}`, "--clear-groups", "sleep", "60"],
    }).spawn();
    try {
      const helper = RootHelper.start(resolveSettings({ pid }), {
        uid: NOBODY,
        gid: NOBODY,
      })!;
      const variable = helper.handOn((env) => Object.values(env)[0]);
      const [requests, answers] = variable.split(" ").map((descriptor) =>
        `/proc/self/fd/${descriptor}`
      );
      await until(() =>
        Deno.readTextFileSync(`/proc/${nobodys.pid}/status`)
          .includes(`Uid:\t${NOBODY}`)
      );
      const ask = (line: string): void => {
        Deno.writeTextFileSync(requests, `${line}\n`, { create: false });
        using pipe = Deno.openSync(answers);
        pipe.readSync(new Uint8Array(100));
      };
      for (const value of [`..${process}`, "1", "", "-1", "self"]) {
        ask(`pid ${value}`);
        assertEquals([...Deno.readDirSync(folder)].length, 1, value);
      }
      ask(`pid ${nobodys.pid}`);
      assertEquals(Deno.readTextFileSync(pid), `${nobodys.pid}\n`);
    } finally {
      nobodys.kill();
      await nobodys.status;
      Deno.removeSync(folder, { recursive: true });
    }
  },
  // The helper lives as long as this process, and so does its pipe.
  { ignore, sanitizeOps: false, sanitizeResources: false },
);

Deno.test(
  "the helper of --user ends with a server whose pid file is a device without an end (as root)",
  { ignore },
  async () => {
    const { code } = await runProgram(
      ["--user", "nobody", "-p", "0", "--pid", "/dev/full", "./app.js"],
      { files: { "app.js": workerApp("one") } },
    );
    assertEquals(code, 1);
    const helpers = (): string[] =>
      [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) =>
        commandLine(Number(name))?.includes("/dev/full")
      );
    await until(() => helpers().length === 0);
  },
);
