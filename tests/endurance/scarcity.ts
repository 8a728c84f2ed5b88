/**
 * Too little of what the system gives: connections, descriptors, memory, disk.
 *
 * @module
 */

import type { RawConnection } from "../helpers/raw_connection.ts";
import { delay, until } from "../helpers/wait.ts";
import { APP, FILES } from "./app.ts";
import { repeat } from "./bad_apps.ts";
import type { Run, Scenario } from "./scenario.ts";

/** Opens `count` connections, asks on each, and closes them together. */
async function fill(run: Run, count: number): Promise<void> {
  const open: RawConnection[] = [];
  await repeat(count, async () => {
    try {
      const client = await run.connect();
      open.push(client);
      await client.request("GET /");
      run.tell(`in a full house: ${(await client.response()).status}`);
    } catch {
      run.tell("in a full house: closed without an answer");
    }
  });
  for (const client of open) client.close();
  await run.answers();
}

/** A small disk of its own; `%` in the arguments is its folder. */
async function smallDisk(folder: string): Promise<() => Promise<void>> {
  await command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
  return () => command("umount", "-l", folder);
}

async function command(name: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function needsRoot(): string | null {
  return Deno.build.os === "linux" && Deno.uid() === 0
    ? null
    : "it mounts a small disk, which needs root";
}

/** Requests whose lines in the access log have half a kilobyte. */
async function requests(run: Run, count: number): Promise<void> {
  const target = `/?${"x".repeat(500)}`;
  await repeat(
    run.short ? count / 10 : count,
    async () => run.tell(`a request: ${await run.ask(target)}`),
  );
}

export const SCARCITY: readonly Scenario[] = [
  {
    name: "connection-flood",
    does: "300 connections a round, of which --max-connections allows 100.",
    args: ["--max-connections", "100", ...APP],
    options: { files: FILES },
    round: (run) => fill(run, 300),
  },
  {
    name: "descriptors",
    does: "300 connections a round to a process with 128 descriptors.",
    args: APP,
    options: { files: FILES, shell: 'ulimit -n 128; exec "$@"' },
    round: (run) => fill(run, 300),
  },
  {
    name: "memory",
    does:
      "The app of two workers keeps 100 kB of each request, in a process that may have 200 MB more than it has at the start.",
    args: ["-w", "2", "--max-requests", "100", ...APP],
    expectedLines: /--max-requests/,
    options: {
      files: FILES,
      permissions: ["-A", "--v8-flags=--max-old-space-size=120"],
    },
    round: (run) => repeat(200, () => run.askAndTell("/leak")),
  },
  {
    name: "disk-full",
    does:
      "The disk of the access log and the pid file has 64 kB: 500 requests a round fill it, and it becomes empty again.",
    args: [
      "--access-log",
      "%/access.log",
      "--pid",
      "%/pid",
      "./app.js",
    ],
    options: { files: FILES },
    unavailable: needsRoot,
    prepare: smallDisk,
    async round(run) {
      await requests(run, 500);
      await Deno.truncate(`${run.folder}/access.log`);
      await run.answers();
      await delay(run.short ? 0 : 1000);
    },
  },
  {
    name: "disk-read-only",
    does:
      "The access log is moved away and its disk becomes read-only; HUP has the log opened anew in vain, and again once the disk can be written to.",
    args: ["--access-log", "%/access.log", "--pid", "%/pid", "./app.js"],
    options: { files: FILES },
    unavailable: needsRoot,
    prepare: smallDisk,
    expectedLines: /SIGHUP: logs were reopened|Read-only/,
    async round(run) {
      const path = `${run.folder}/access.log`;
      await Deno.rename(path, `${path}.1`);
      // A mount on itself can be made read-only although files are open.
      await command("mount", "--bind", run.folder, run.folder);
      await command("mount", "-o", "remount,bind,ro", run.folder);
      run.program.signal("SIGHUP");
      await requests(run, 50);
      await until(() => run.program.log.includes("Read-only file system"));
      await command("umount", "-l", run.folder);
      run.program.signal("SIGHUP");
      await requests(run, 50);
      // The log is opened again when it can be.
      await until(() => Deno.stat(path).then(() => true, () => false));
      await delay(run.short ? 0 : 1000);
    },
  },
  {
    name: "log-pipe",
    does:
      "The access log is a named pipe whose reader leaves after 4 kB, and another comes after 200 requests without one.",
    args: ["--access-log", "%/pipe", "./app.js"],
    options: { files: FILES },
    async prepare(folder) {
      await command("mkfifo", `${folder}/pipe`);
      // The server opens it for the first time with this one.
      reader(folder, 1);
      return () => Promise.resolve();
    },
    async round(run) {
      for (let i = 0; i < 3; i++) {
        const { status } = reader(run.folder, 4000);
        await requests(run, 200);
        await status;
        await requests(run, 200);
      }
    },
  },
  {
    name: "clock",
    does:
      "The clock of the process jumps a day back and forth every second under requests (a stub in the app's module: what asks Date.now() is misled, not what asks the system).",
    args: ["-M", "./clock.js", "--timeout", "2", ...APP],
    options: {
      files: {
        ...FILES,
        "clock.js": `const now = Date.now;
let day = 1;
setInterval(() => { day = -day; }, 1000);
Date.now = () => now() + day * 86_400_000;
`,
      },
    },
    async round(run) {
      const end = performance.now() + run.seconds * 1000;
      using kept = await run.connect();
      while (performance.now() < end) {
        await kept.request("GET /");
        run.tell(`kept connection: ${(await kept.response()).status}`);
        await run.askAndTell("/");
        await delay(10);
      }
    },
  },
];

/** Reads so many bytes from the pipe, for a minute at most. */
function reader(folder: string, bytes: number): Deno.ChildProcess {
  return new Deno.Command("timeout", {
    args: ["60", "head", "-c", `${bytes}`, `${folder}/pipe`],
    stdout: "null",
  }).spawn();
}
