/** Which hosts the program answers for, by what it serves and where. */

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

for (
  const [title, args, status] of [
    ["a folder", [], 421],
    ["a folder with an option", ["root=."], 421],
    ["a folder by its app", ["PAGI::App::Directory", "root=."], 421],
    ["files by their app", ["PAGI::App::File", "root=."], 421],
    ["files with two workers", ["-w2", "PAGI::App::File", "root=."], 421],
    ["files beside an app", [
      "PAGI::App::Cascade",
      "1=./app.js",
      "2=PAGI::App::File,root=.",
    ], 421],
    ["a folder below a path", [
      "PAGI::App::URLMap",
      "/=./app.js",
      "/files=PAGI::App::Directory,root=.",
    ], 421],
    [
      "apps in production below paths",
      ["PAGI::App::URLMap", "/=./app.js"],
      200,
    ],
    ["an app in development", ["-E", "development", "./app.js"], 421],
    ["an app in production", ["-E", "production", "./app.js"], 200],
    ["a folder behind a proxy", ["--proxy-headers"], 200],
    ["an app behind a proxy", [
      "-E",
      "development",
      "--proxy-headers",
      "./app.js",
    ], 200],
    ["a folder for all", ["--host", "0.0.0.0"], 200],
    ["a folder for any host", ["--allowed-hosts", "*"], 200],
    ["a folder for its name", ["--allowed-hosts", "a.example,.evil.test"], 200],
    [
      "an app for another name",
      ["--allowed-hosts", "a.example", "./app.js"],
      421,
    ],
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
