import { assertEquals, assertStringIncludes } from "../../src/std/assert.ts";
import { OtherProcess } from "../helpers/other_process.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";

/** An app that answers with the variables that the request names. */
const APP = `const atStart = Deno.env.get("A");
export default {
  fetch: (request) => {
    const names = new URL(request.url).searchParams.getAll("name");
    return Response.json([atStart, ...names.map((name) => Deno.env.get(name))]);
  },
};`;

async function ask(url: string, ...names: string[]): Promise<unknown> {
  const query = names.map((name) => `name=${name}`).join("&");
  // A connection of its own, which no earlier worker has.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    return await (await fetch(`${url}/?${query}`, { client })).json();
  } finally {
    client.close();
  }
}

Deno.test("--env-file sets what is not set, the first file first, before anything reads it", async () => {
  await using program = await startProgram(
    ["--env-file", "one.env", "--env-file=two words.env", "app.js"],
    {
      files: {
        "app.js": APP,
        "one.env": `\uFEFFA=one
# a comment
export B='single # quoted'
C="two
lines"
SET=changed
EMPTY=changed
PAGI_PORT=0
PAGI_LOG_LEVEL=debug
`,
        "two words.env": "A=two\nD=two\nPAGI_HEADER=X-From: file\n",
      },
      env: { SET: "kept", EMPTY: "" },
    },
  );
  const { url } = program;
  assertEquals(
    await ask(url, "A", "B", "C", "D", "SET", "EMPTY"),
    ["one", "one", "single # quoted", "two\nlines", "two", "kept", ""],
  );
  const { headers } = await fetch(url, { method: "HEAD" });
  assertEquals(headers.get("x-from"), "file");
  assertStringIncludes(program.log, " debug ");
});

Deno.test("HUP reads the files of --env-file anew, in a project too, and so does a successor", async () => {
  await using program = await startProgram(
    ["-p", "0", "-w", "2", "--env-file", "a.env", "app.js"],
    {
      files: {
        "app.js": APP,
        "deno.json": "{}",
        "a.env": "A=1\nGONE=1\nSET=no\n",
      },
      env: { SET: "kept" },
    },
  );
  const { url, folder } = program;
  const now = () => ask(url, "A", "GONE", "NEW", "SET");
  assertEquals(await now(), ["1", "1", "1", null, "kept"]);
  Deno.writeTextFileSync(`${folder}/a.env`, "A=2\nNEW=2\nSET=no\n");
  program.signal("SIGHUP");
  await program.logged(/(?:Worker \d .*(?:replaced|SIGHUP)[^]*){2}/);
  assertEquals(await now(), ["2", "2", null, "2", "kept"]);
  Deno.removeSync(`${folder}/a.env`);
  program.signal("SIGHUP");
  await program.logged(/variables of the environment stay as they are/);
  assertEquals(await now(), ["2", "2", null, "2", "kept"]);
  Deno.writeTextFileSync(`${folder}/a.env`, "A=3\nSET=no\n");
  await using old = new OtherProcess(program.pid);
  program.signal("SIGUSR2");
  const [, pid] = await program.logged(/ info {2}Process (\d+) has taken over/);
  await using successor = new OtherProcess(Number(pid));
  await old.ended();
  assertEquals(await now(), ["3", "3", null, null, "kept"]);
  successor.signal("SIGTERM");
  await successor.ended();
});

Deno.test("--env-file without its file ends the start with a sentence", async () => {
  const { code, stderr } = await runProgram(["--env-file", "none.env"]);
  assertEquals(code, 2);
  assertEquals(stderr, 'pagi-server: --env-file: "none.env": no such file\n');
  const folder = await runProgram(["--env-file", "."]);
  assertEquals([folder.code, folder.stderr], [
    2,
    'pagi-server: --env-file: "." is not a file\n',
  ]);
});
