/** Addresses of all kinds. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { testWith } from "../helpers/programs.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { startProgram } from "../helpers/run_program.ts";
import { cert, key } from "../guard/certificate.ts";

const FILES = { "page.txt": "a page", "cert.pem": cert, "key.pem": key };
const unix = { ignore: Deno.build.os === "windows" };

function hasIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

async function getBySocket(path: string): Promise<string> {
  const connection = await RawConnection.open({ path });
  try {
    await connection.request("GET /page.txt");
    return (await connection.response()).body;
  } finally {
    connection.close();
  }
}

Deno.test(
  "--socket with --socket-mode: a stale one is replaced, and it is gone after the stop",
  unix,
  async () => {
    await using program = await startProgram(
      ["--socket", "app.sock", "--socket-mode", "0600"],
      {
        files: FILES,
        // What a server that was killed leaves behind.
        shell:
          `"$1" eval 'Deno.listen({ transport: "unix", path: "app.sock" })'; exec "$@"`,
      },
    );
    const path = join(program.folder, "app.sock");
    assertStringIncludes(program.log, "at      unix:app.sock\n");
    assertEquals(Deno.lstatSync(path).mode! & 0o777, 0o600);
    assertEquals(await getBySocket(path), "a page");
    const { code, stderr } = await program.stop();
    assertEquals(code, 0);
    assertMatch(stderr, /^unix - - \[.*"GET \/page\.txt" 200/m);
    assert(
      ![...Deno.readDirSync(program.folder)].some(({ name }) =>
        name === "app.sock"
      ),
    );
  },
);

Deno.test(
  "--listen may be repeated: each address serves and is shown",
  unix,
  async () => {
    const addresses = ["127.0.0.1:0", "unix:./a b.sock"];
    if (hasIPv6()) addresses.push("[::1]:0");
    await using program = await startProgram(
      addresses.flatMap((address) => ["--listen", address]),
      { files: FILES },
    );
    const urls = program.log.match(/http:\/\/\S+:[1-9]\d*(?=\/$)/gm)!;
    assertEquals(urls.length, addresses.length - 1);
    for (const url of urls) {
      assertEquals(await (await fetch(`${url}/page.txt`)).text(), "a page");
    }
    assertEquals(await getBySocket(join(program.folder, "a b.sock")), "a page");
    assertEquals((await program.stop()).code, 0);
  },
);

testWith(
  ["curl"],
  "--ssl-cert and --ssl-key serve HTTPS, with HTTP/2 for those who want it",
  async () => {
    await using program = await startProgram(
      ["-p", "0", "--ssl-cert", "cert.pem", "--ssl-key", "key.pem"],
      { files: FILES },
    );
    for (const [version, status] of [["1.1", "1.1 200"], ["2", "2 200"]]) {
      const { stdout } = await new Deno.Command("curl", {
        args: [
          `--http${version}`,
          "--silent",
          "--max-time",
          "20",
          "--cacert",
          join(program.folder, "cert.pem"),
          "--write-out",
          " %{http_version} %{http_code}",
          `${program.url}/page.txt`,
        ],
      }).output();
      assertEquals(new TextDecoder().decode(stdout), `a page ${status}`);
    }
    const { stderr } = await program.stop();
    assertEquals(stderr.match(/"GET \/page\.txt" 200/g)?.length, 2);
  },
);
