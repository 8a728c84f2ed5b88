/** What cannot start: one message, an exit code, and nothing left behind. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  Program,
  type ProgramOptions,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { cert, key } from "../guard/certificate.ts";

/** The exit code, and what was said to the user. */
async function failure(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<[code: number | null, message: string]> {
  const { code, stdout, stderr } = await runProgram(args, options);
  assertEquals(stdout, "");
  // The log may have something to tell before.
  const message = stderr.replace(/^\d{4}-\S+ info .*\n/gm, "");
  assert(!message.includes("deno_core"), message);
  return [code, message];
}

function lifespanApp(answer: string): Record<string, string> {
  return {
    "app.js": `export default async (scope, receive, send) => {
      await receive();
      ${answer}
    };`,
  };
}

Deno.test("a port that is taken: exit 1, and the message names it", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [code, message] = await failure([
    "-p",
    `${port}`,
    "root=.",
    "etag=stat",
  ]);
  assertEquals(code, 1);
  const [sentence, command] = message.split("\n");
  assertStringIncludes(
    sentence,
    `pagi-server: Cannot listen on 127.0.0.1:${port}: address already in use by `,
  );
  const [, free] = /; (\d+) is free\.$/.exec(sentence)!;
  assertMatch(
    command,
    new RegExp(`^  deno run -A .*main\\.ts -p ${free} root=\\. etag=stat$`),
  );
});

Deno.test("a port that this server itself has taken: the first goes on", async () => {
  await using first = await startProgram(["-p", "0"]);
  const [code, message] = await failure(["-p", `${first.port}`]);
  assertEquals(code, 1);
  assertStringIncludes(message, "address already in use");
  assertStringIncludes(await (await fetch(first.url)).text(), "<html");
});

Deno.test("one of two addresses taken: exit 1, and the other is given back", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = `127.0.0.1:${listener.addr.port}`;
  await using program = Program.spawn(
    ["--listen", "unix:./free.sock", "--listen", taken],
  );
  const { code, stderr } = await program.ended();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^pagi-server: Cannot listen on \S+: address already in use/m,
  );
  assertEquals([...Deno.readDirSync(program.folder)], []);
});

Deno.test("no such file: exit 1, and the message names it", async () => {
  assertEquals(await failure(["./app.ts"]), [
    1,
    'pagi-server: There is no file "./app.ts".\n',
  ]);
});

Deno.test("a Perl app: exit 1, and one clear sentence", async () => {
  const files = { "app.pl": "sub { ... }" };
  assertEquals(await failure(["./app.pl"], { files }), [
    1,
    "pagi-server: ./app.pl is a Perl app. It needs the Perl server, or a port to TypeScript or JavaScript.\n",
  ]);
});

Deno.test("a syntax error in the app: exit 1, and the message shows where", async () => {
  const files = { "app.ts": "export default async (scope) => {\n  ((;\n}" };
  const [code, message] = await failure(["./app.ts"], { files });
  assertEquals(code, 1);
  assertMatch(
    message,
    /^pagi-server: \.\/app\.ts could not be loaded\.\n.*app\.ts:2/s,
  );
});

Deno.test("an app that throws while it is loaded: exit 1, with its own stack only", async () => {
  const files = {
    "app.ts": 'import "./part.ts";\nexport default () => {};',
    "part.ts": 'function dig() {\n  throw new Error("no ore");\n}\ndig();',
  };
  const [code, message] = await failure(["./app.ts"], { files });
  assertEquals(code, 1);
  assertMatch(
    message,
    /^pagi-server: \.\/app\.ts could not be loaded\.\nError: no ore\n {4}at dig \(\S+part\.ts:2:9\)\n {4}at \S+part\.ts:4:1\n$/,
  );
});

Deno.test("an app that imports what is not there: exit 1, and the message names it", async () => {
  const files = { "app.ts": 'import "./none.ts";\nexport default () => {};' };
  const [code, message] = await failure(["./app.ts"], { files });
  assertEquals(code, 1);
  assertMatch(message, /^pagi-server: \.\/app\.ts could not be loaded\.\n/);
  assertMatch(message, /none\.ts/);
});

Deno.test("lifespan.startup.failed: exit 1 with the app's message, and nothing was bound (PAGI.md 84, 85)", async () => {
  const files = lifespanApp(`
    console.log([...Deno.readDirSync(".")].map(({ name }) => name).join());
    await send({ type: "lifespan.startup.failed", message: "no database" });`);
  await using program = Program.spawn(
    ["./app.js", "--socket", "app.sock"],
    { files },
  );
  const { code, stdout, stderr } = await program.ended();
  assertEquals(
    [code, stdout, stderr],
    [1, "app.js\n", "pagi-server: The app failed to start: no database\n"],
  );
  assertEquals([...Deno.readDirSync(program.folder)].length, 1);
});

Deno.test("an app silent beyond --lifespan-startup-timeout: exit 1 (PAGI.md 88)", async () => {
  const files = lifespanApp(
    "await new Promise(() => setInterval(() => {}, 1000));",
  );
  assertEquals(
    await failure(["./app.js", "--lifespan-startup-timeout", "0.2"], { files }),
    [
      1,
      "pagi-server: The app did not answer lifespan.startup within 0.2 s (--lifespan-startup-timeout).\n",
    ],
  );
});

Deno.test("--lifespan on and an app without: exit 1 (PAGI.md 86)", async () => {
  const files = lifespanApp("");
  const args = ["./app.js", "--lifespan", "on"];
  const [code, message] = await failure(args, { files });
  assertEquals(code, 1);
  assertStringIncludes(message, "--lifespan is on");
});

Deno.test("an access log that cannot be opened: exit 2, and the app has not been started", async () => {
  const files = lifespanApp('console.log("started");');
  const args = ["./app.js", "--access-log", "none/access.log", "-p", "0"];
  assertEquals(await failure(args, { files }), [
    2,
    'pagi-server: --access-log "none/access.log" cannot be opened: No such file or directory\n',
  ]);
});

Deno.test("an unknown log atom: exit 2, and the message lists what there is (PAGI.md 104)", async () => {
  const [code, message] = await failure(["--access-log-format", "%h %x"]);
  assertEquals(code, 2);
  assertMatch(message, /^pagi-server: --access-log-format has no atom "%x"; /);
  assertMatch(message, /^.*combined.*\n$/);
});

Deno.test("a preset of the access log that does not exist: exit 2, and what may be meant", async () => {
  const [code, message] = await failure(["--access-log-format", "combind"]);
  assertEquals(code, 2);
  assertMatch(message, /"combind" is no preset .*; did you mean combined\?\n$/);
});

Deno.test("a wrong command line: exit 2 and one line", async () => {
  const files = { "cert.pem": cert, "text.txt": "" };
  const cases: [args: string, message: string][] = [
    ["--prot 80", 'unknown option "--prot"; did you mean --port?'],
    ["-p 99999", '-p: "99999" is not a whole number from 0 to 65535'],
    ["--ssl-cert cert.pem", "--ssl-cert needs --ssl-key too"],
    // An option of the app is never taken for one of the server.
    [
      "PAGI::App::Directory --root /var/www",
      'unknown option "--root"; PAGI::App::Directory takes it after its name, as "root=/var/www"',
    ],
    [
      "--show-hiden=1 PAGI::App::Directory",
      'unknown option "--show-hiden"; PAGI::App::Directory takes it after its name, as "show_hidden=1"',
    ],
    [
      "--root=/var/www -p 0",
      'unknown option "--root"; PAGI::App::Directory takes it after its name, as "root=/var/www"',
    ],
    [
      "PAGI::App::Proxy --target",
      'unknown option "--target"; PAGI::App::Proxy takes it after its name, as "target=…"',
    ],
    [
      "--root-pat /x ./app.ts",
      'unknown option "--root-pat"; did you mean --root-path?',
    ],
    ["./app.ts root", '"root" is not an option of the app: write key=value'],
  ];
  await Promise.all(cases.map(async ([args, message]) => {
    const [code, text] = await failure(args.split(" "), { files });
    assertEquals([code, text], [2, `pagi-server: ${message}\n`]);
  }));
});

Deno.test("a certificate that is none: exit 1, and the message names the options", async () => {
  const files = { "cert.pem": "none", "key.pem": key };
  const [code, message] = await failure(
    ["--ssl-cert", "cert.pem", "--ssl-key", "key.pem", "-p", "0"],
    { files },
  );
  assertEquals(code, 1);
  assertMatch(
    message,
    /^pagi-server: Cannot use --ssl-cert cert\.pem: it holds no PEM.*\n$/,
  );
});

Deno.test("a socket's path where a file is: exit 1, and the file stays", async () => {
  await using program = Program.spawn(["--socket", "precious.txt"], {
    files: { "precious.txt": "precious" },
  });
  const { code, stderr } = await program.ended();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /Cannot listen on precious\.txt: the file there is not a socket/,
  );
  assertEquals(program.read("precious.txt"), "precious");
});
