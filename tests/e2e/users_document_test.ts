/**
 * The examples of the user's document that need one process, run as written:
 * with .ts and .js for .pl, and port 0 where theirs may be taken.
 */

import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  type Program,
  runProgram,
  startProgram,
} from "../helpers/run_program.ts";
import { cert, key } from "../guard/certificate.ts";

const APP = `
export default async (scope, receive, send) => {
  if (scope.type !== "http") throw new Error("No support for " + scope.type);
  await send({ type: "http.response.start", status: 200, headers: [] });
  await send({ type: "http.response.body", body: "my app" });
};
`;
/** In TypeScript, and with what it needs below the second path of -I. */
const TYPED = `
type Send = (event: object) => Promise<void>;
${APP.replace("(scope, receive, send)", "(scope: any, _: unknown, send: Send)")}
`;
const CLASS = `
export default class {
  constructor(private readonly options: Record<string, string>) {}
  toApp() {
    return async (scope: any, _: unknown, send: any) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: JSON.stringify(this.options) });
    };
  }
}
`;

/** What the examples find in their current directory. */
const FILES: Record<string, string> = {
  "app.ts": TYPED,
  "app.js": APP,
  "myapp.ts": TYPED,
  "local/lib/My/App.ts": CLASS,
  "www/page.txt": "a page",
  "www/.dotfile": "a dot-file",
  "cert.pem": cert,
  "key.pem": key,
};

/** Tests one example, on a port that is free; `checkLog` sees all of its log. */
function example(
  line: string,
  check: (program: Program) => Promise<void>,
  checkLog: (log: string) => void = () => {},
): void {
  const words = line.split(" ");
  const variables = words.splice(0, words.indexOf("pagi-server") + 1);
  const env = Object.fromEntries(
    variables.slice(0, -1).map((pair) => pair.split("=")),
  );
  if (!words.includes("-p")) words.unshift("-p", "0");
  Deno.test(line, async () => {
    await using program = await startProgram(words, { files: FILES, env });
    await check(program);
    const { code, stderr } = await program.stop("SIGINT");
    assertEquals(code, 0);
    checkLog(stderr);
  });
}

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text();
}

async function servesMyApp({ url }: Program): Promise<void> {
  assertEquals(await text(url), "my app");
}

for (
  const words of [
    "./app.ts",
    "--app app.ts",
    "--app app.js",
    "-a myapp.ts",
    "-I ./lib -I ./vendor/lib ./app.js",
    "--host 127.0.0.1 ./app.js",
    "-h 127.0.0.1 ./app.js",
    "--max-requests 10000 ./myapp.ts",
  ]
) {
  example(`pagi-server ${words}`, servesMyApp);
}

Deno.test("pagi-server /path/to/myapp.ts", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/myapp.ts`, TYPED);
    await using program = await startProgram([`${folder}/myapp.ts`, "-p0"]);
    await servesMyApp(program);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

example("pagi-server PAGI::App::Directory root=./www", async ({ url }) => {
  const listing = await text(url);
  assertStringIncludes(listing, "page.txt");
  assertNotMatch(listing, /dotfile/);
  assertEquals(await text(`${url}/page.txt`), "a page");
  const hidden = await fetch(`${url}/.dotfile`);
  assertEquals([hidden.status, await hidden.text()], [403, "Forbidden"]);
});

example(
  "pagi-server PAGI::App::Directory root=./www show_hidden=1",
  async ({ url }) => {
    assertStringIncludes(await text(url), ".dotfile");
    assertEquals(await text(`${url}/.dotfile`), "a dot-file");
  },
);

example("pagi-server PAGI::App::File root=./www", async ({ url }) => {
  assertEquals(await text(`${url}/page.txt`), "a page");
  assertEquals(await text(url), "Not Found");
});

example(
  "pagi-server PAGI::App::Redirect location=https://example.com",
  async ({ url }) => {
    const response = await fetch(`${url}/x?y`, { redirect: "manual" });
    assertEquals([response.status, await response.text()], [302, ""]);
    assertEquals(response.headers.get("location"), "https://example.com?y");
  },
);

example(
  "pagi-server -I ./lib -I ./local/lib My::App greeting=hi=there",
  async ({ url }) => {
    assertEquals(JSON.parse(await text(url)), { greeting: "hi=there" });
  },
);

example(
  "pagi-server --host 0.0.0.0 -p 0 ./myapp.ts",
  async ({ port, url }) => {
    // What the banner shows can be opened, which 0.0.0.0 cannot everywhere.
    assertEquals(new URL(url).hostname, "localhost");
    assertEquals(await text(`http://127.0.0.1:${port}`), "my app");
  },
);

example(
  "pagi-server -a myapp.ts -p 0 --ssl-cert cert.pem --ssl-key key.pem",
  async ({ url }) => {
    assertMatch(url, /^https:/);
    using client = Deno.createHttpClient({ caCerts: [cert] });
    assertEquals(await (await fetch(url, { client })).text(), "my app");
  },
);

example(
  "pagi-server --loop EV ./myapp.ts",
  servesMyApp,
  (log) =>
    assertMatch(
      log,
      / info {2}loop EV has no effect: Deno has its own event loop/,
    ),
);

example(
  "LIBEV_FLAGS=8 pagi-server --loop EV --no-access-log ./myapp.ts",
  servesMyApp,
  (log) => {
    assertMatch(log, / warn {2}LIBEV_FLAGS="8" has no effect/);
    assertNotMatch(log, /"GET /);
  },
);

example(
  "IO_ASYNC_LOOP=EV pagi-server ./myapp.ts",
  servesMyApp,
  (log) => assertMatch(log, / warn {2}IO_ASYNC_LOOP="EV" has no effect/),
);

example(
  "pagi-server --max-connections 200 ./myapp.ts",
  servesMyApp,
  (log) => assertStringIncludes(log, "limits  200 connections, "),
);

example(
  "pagi-server --log-level debug ./myapp.ts",
  servesMyApp,
  (log) => assertMatch(log, / debug At most \d+ connections/),
);

Deno.test("pagi-server ./myapp.psgi: a Perl app is refused with a clear sentence", async () => {
  const { code, stderr } = await runProgram(["./myapp.psgi"]);
  assertEquals(code, 1);
  assertMatch(stderr, /^pagi-server: \.\/myapp\.psgi is a Perl app\. It needs/);
});
