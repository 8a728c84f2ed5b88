/** Which hosts the program answers for, by what it serves and where. */

import { withModeDefaults } from "../../src/cli/start.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";

const FILES = {
  "secret.txt": "secret",
  "app.js": 'export default { fetch: () => new Response("app") };',
};

/** The status of a request that names `host`. */
async function statusFor(
  { port }: Program,
  host: string,
): Promise<number> {
  const client = await RawConnection.open({ host: "127.0.0.1", port });
  try {
    await client.send(`GET /secret.txt HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    return (await client.response()).status;
  } finally {
    client.close();
  }
}

/** What is served, and the hosts whose pages may read it (any where empty). */
const CASES: [title: string, args: string[], hosts: string[]][] = [
  ["a folder", [], ["loopback"]],
  ["a folder with an option", ["root=."], ["loopback"]],
  ["a folder by its app", ["PAGI::App::Directory", "root=."], ["loopback"]],
  ["files by their app", ["PAGI::App::File", "root=."], ["loopback"]],
  ["files beside an app", [
    "PAGI::App::Cascade",
    "1=./app.js",
    "2=PAGI::App::File,root=.",
  ], ["loopback"]],
  ["a folder below a path", [
    "PAGI::App::URLMap",
    "/=./app.js",
    "/files=PAGI::App::Directory,root=.",
  ], ["loopback"]],
  ["apps below paths", ["PAGI::App::URLMap", "/=./app.js"], []],
  ["an app in development", ["-E", "development", "./app.js"], ["loopback"]],
  ["an app in production", ["-E", "production", "./app.js"], []],
  ["a folder behind a proxy", ["--proxy-headers"], []],
  ["an app behind a proxy", [
    "-E",
    "development",
    "--proxy-headers",
    "./app.js",
  ], []],
  ["a folder for any host", ["--allowed-hosts", "*"], ["*"]],
  ["a folder for its name", ["--allowed-hosts", "a.example,.evil.test"], [
    "a.example",
    ".evil.test",
  ]],
  ["an app for its name", ["--allowed-hosts", "a.example", "./app.js"], [
    "a.example",
  ]],
];

for (const [title, args, hosts] of CASES) {
  Deno.test(`${title} is for pages of: ${hosts.join(" and ") || "any host"}`, () => {
    // Where stdin is a terminal, development is the default.
    const line = parseCommandLine(args, { PAGI_ENV: "production" });
    assertEquals(withModeDefaults(line).settings.allowedHosts, hosts);
  });
}

for (
  const [title, args, status] of [
    ["files with two workers", ["-w2", "PAGI::App::File", "root=."], 421],
    ["a folder for all", ["--host", "0.0.0.0"], 200],
    ["an app in production", ["-E", "production", "./app.js"], 200],
  ] as const
) {
  Deno.test(`${title}: a page of elsewhere that leads here gets ${status}`, async () => {
    await using program = await startProgram(["-p0", ...args], {
      files: FILES,
    });
    assertEquals(await statusFor(program, "page.evil.test:5000"), status);
    assertEquals(await statusFor(program, `localhost:${program.port}`), 200);
    assertEquals(await statusFor(program, `127.0.0.1:${program.port}`), 200);
    const { stderr } = await program.stop();
    if (status === 421) {
      assertMatch(
        stderr,
        /refused with 421: .*"page\.evil\.test".*\(--allowed-hosts/,
      );
    }
  });
}
