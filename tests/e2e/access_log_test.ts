/** The access log of the real program. */

import {
  assertEquals,
  assertMatch,
  assertNotMatch,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const FILES = { "page.txt": "a page" };
const SERVE = ["PAGI::App::File", "-p", "0"];

async function get(
  { url }: Program,
  path: string,
  headers: Record<string, string> = {},
): Promise<void> {
  await (await fetch(url + path, { headers })).text();
}

/** The lines of a log, without its times. */
function lines(text: string): string[] {
  return text.trimEnd().split("\n").map((line) =>
    line.replace(/\[[^\]]+\]/, "[TIME]").replace(/[\d.]+(s|ms)$/, "N$1")
  );
}

function exists(program: Program, path: string): boolean {
  try {
    return Deno.lstatSync(join(program.folder, path)).isFile;
  } catch {
    return false;
  }
}

Deno.test("--access-log FILE appends a line for each request, all there after TERM (PAGI.md 103)", async () => {
  await using program = await startProgram(
    [...SERVE, "--access-log", "access.log"],
    { files: { ...FILES, "access.log": "an old line\n" } },
  );
  await get(program, "/page.txt");
  await get(program, '/none?q=1%20&x="');
  for (let i = 0; i < 200; i++) await get(program, `/${i}`);
  const { stderr } = await program.stop();
  assertNotMatch(stderr, /"GET/);
  const [old, first, second, ...rest] = lines(program.read("access.log"));
  assertEquals(old, "an old line");
  assertEquals(first, '127.0.0.1 - - [TIME] "GET /page.txt" 200 Ns');
  assertEquals(second, '127.0.0.1 - - [TIME] "GET /none?q=1%20&x=%22" 404 Ns');
  assertEquals(
    rest,
    Array.from(rest, (_, i) => `127.0.0.1 - - [TIME] "GET /${i}" 404 Ns`),
  );
  assertEquals(rest.length, 200);
});

Deno.test("a file that was moved away is left, on HUP at once and otherwise soon", async () => {
  await using program = await startProgram(
    [...SERVE, "--access-log", "access.log"],
    { files: FILES },
  );
  const move = (from: string, to: string): void =>
    Deno.renameSync(join(program.folder, from), join(program.folder, to));

  await get(program, "/one");
  move("access.log", "access.log.2");
  program.signal("SIGHUP");
  await program.logged(/ warn {2}SIGHUP: logs were reopened/);
  await until(() => exists(program, "access.log"));
  await get(program, "/two");
  await until(() => program.read("access.log").includes("/two"));
  assertMatch(program.read("access.log.2"), /"GET \/one"/);

  move("access.log", "access.log.1");
  let asked = 0;
  await until(async () => {
    await get(program, `/moved${++asked}`);
    return exists(program, "access.log");
  });
  assertEquals((await program.stop()).code, 0);
  const moved = program.read("access.log.1") + program.read("access.log");
  const found = moved.match(/"GET \/moved\d+"/g) ?? [];
  assertEquals(found.length, asked);
  assertNotMatch(program.read("access.log"), /one|two/);
});

/** What each preset says of the same request, and a format of atoms. */
const FORMATS: Record<string, string> = {
  clf: '127.0.0.1 - - [TIME] "GET /page.txt?x=1" 200 Ns',
  combined:
    '127.0.0.1 - - [TIME] "GET /page.txt?x=1 HTTP/1.1" 200 6 "http://a/" "browser \\x22\\xE9"',
  common: '127.0.0.1 - - [TIME] "GET /page.txt?x=1 HTTP/1.1" 200 6',
  tiny: "GET /page.txt?x=1 200 Nms",
  "%s 100%% %B <%{X-None}i>": "200 100% 6 <->",
};

Deno.test("--access-log-format takes presets and atoms", async () => {
  await Promise.all(
    Object.entries(FORMATS).map(async ([format, expected]) => {
      await using program = await startProgram(
        [...SERVE, "--access-log", "log", "--access-log-format", format],
        { files: FILES },
      );
      await get(program, "/page.txt?x=1", {
        "user-agent": 'browser "é',
        "referer": "http://a/",
      });
      await program.stop();
      assertEquals(lines(program.read("log")), [expected], format);
    }),
  );
});

Deno.test("without a file the access log goes to stderr; --no-access-log leaves it out", async () => {
  await using loud = await startProgram(SERVE, { files: FILES });
  await using silent = await startProgram([...SERVE, "--no-access-log"]);
  await get(loud, "/page.txt");
  await get(silent, "/page.txt");
  assertMatch((await loud.stop()).stderr, /"GET \/page\.txt" 200 [\d.]+s$/m);
  assertNotMatch((await silent.stop()).stderr, /GET/);
});

Deno.test("with --log-format json all that is logged is an object per line, also under a flood of errors", async () => {
  await using program = await startProgram(
    ["-p0", "-w2", "--log-format", "json", "./app.js"],
    {
      files: {
        "app.js":
          "export default { fetch(r) { throw new Error(decodeURI(r.url)); } };",
      },
    },
  );
  const client = Array.from({ length: 30 }, (_, i) => `/%0A%22${i}`);
  for (const path of client) await get(program, path, { "user-agent": '"\\' });
  const { stderr, code } = await program.stop();
  assertEquals(code, 0);
  const entries = stderr.trimEnd().split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const access = entries.filter(({ type }) => type === "access");
  assertEquals(access.map(({ path }) => path).sort(), [...client].sort());
  assertEquals(access[0].user_agent, '"\\');
  const errors = entries.filter(({ level }) => level === "error");
  const thrown = errors.filter(({ error }) => error !== undefined);
  assertEquals(thrown.length <= 6, true, String(thrown.length));
  let repeated = 0;
  for (const { message } of errors) {
    repeated += Number(/^Repeated (\d+) times/.exec(String(message))?.[1] ?? 0);
  }
  assertEquals(thrown.length + repeated, 30);
  assertEquals(
    entries.some(({ message }) => /^Ready at http/.test(String(message))),
    true,
  );
});
