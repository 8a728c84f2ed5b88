import { parseCommandLine } from "../../src/options/command_line.ts";
import { OptionError } from "../../src/options/option_error.ts";
import { probe } from "../../src/cli/probe.ts";
import { ProbeError } from "../../src/cli/terminal.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { certificateFiles } from "../helpers/certificate.ts";
import { loadedModules } from "../helpers/loaded_modules.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";

/** What `--probe` reads from a word. */
function target(word: string): Parameters<typeof probe>[0] {
  return parseCommandLine(["--probe", word], {}).probe!;
}

/** The message with which a probe fails. */
async function failure(word: string, seconds?: number): Promise<string> {
  const { message } = await assertRejects(
    () => probe(target(word), seconds),
    ProbeError,
  );
  return message;
}

/** Runs `body` with the URL of a listener that does `serve` to connections. */
async function withListener(
  serve: (connection: Deno.TcpConn) => Promise<unknown>,
  body: (url: string) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    await serve(connection);
    // Until the other side is done.
    await connection.readable.pipeTo(new WritableStream()).catch(() => {});
  })();
  await body(`http://127.0.0.1:${listener.addr.port}/`);
  await served.catch(() => {});
}

Deno.test("--probe succeeds on 2xx and 3xx alone, and does not follow redirects", async () => {
  const seen: string[] = [];
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, (request) => {
    const url = new URL(request.url);
    seen.push(`${request.method} ${url.pathname}${url.search}`);
    const headers = { location: "/500" };
    const status = Number(url.pathname.slice(1));
    return new Response(null, { status, headers });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  for (const status of [200, 204, 299, 301, 302, 399]) {
    await probe(target(`${url}/${status}?a=%20b`));
  }
  for (const status of [400, 401, 404, 500, 503]) {
    assertEquals(
      await failure(`${url}/${status}`),
      `--probe ${url}/${status}: the answer is ${status}.`,
    );
  }
  assertEquals(seen[0], "GET /200?a=%20b");
  assertEquals(seen.length, 11);
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test({
    name: `--probe of localhost finds a server at ${hostname}`,
    ignore: !canListen(hostname),
    async fn() {
      const options = { hostname, port: 0, onListen: () => {} };
      await using server = Deno.serve(options, () => new Response());
      await probe(target(`http://localhost:${server.addr.port}`));
    },
  });
}

function canListen(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("--probe says in one sentence why there is no answer", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${free.addr.port}/`;
  free.close();
  assertMatch(await failure(url), /^--probe http:\S+: .*refused.*\.$/i);
  assertMatch(await failure("unix:/no such"), /^--probe unix:\/no such: .*\.$/);
  const encoder = new TextEncoder();
  for (
    const text of ["", "SSH-2.0-x\r\n", "HTTP/1.1 2000 ", "x".repeat(5000)]
  ) {
    await withListener(async (connection) => {
      await connection.write(encoder.encode(text));
      await connection.closeWrite();
    }, async (url) => {
      assertMatch(await failure(url), /: the answer is not HTTP\/1\.1\.$/);
    });
  }
  await withListener(() => Promise.resolve(), async (url) => {
    assertMatch(await failure(url, 0.2), /: no answer within 0\.2 seconds\.$/);
  });
});

Deno.test("--probe does not wait for the end of an answer", async () => {
  await withListener(async (connection) => {
    const encoder = new TextEncoder();
    await connection.write(encoder.encode("HTTP/1.1 2"));
    await connection.write(encoder.encode("00 OK\r\ncontent-type: text/"));
  }, (url) => probe(target(url)));
});

Deno.test({
  name: "--probe takes any certificate from this machine, and only from it",
  ignore: Deno.build.os !== "linux", // where 0.0.0.0 leads to it, too
  async fn() {
    using files = certificateFiles();
    const { sslCert, sslKey } = files;
    await using server = await startProgram(
      ["-p0", "--ssl-cert", sslCert, "--ssl-key", sslKey],
    );
    await probe(target(`https://127.0.0.1:${server.port}/`));
    await probe(target(`https://LOCALHOST:${server.port}/`));
    assertMatch(
      await failure(`https://0.0.0.0:${server.port}/`),
      /^--probe https:\S+: .*\.$/,
    );
    const { stderr } = await server.stop();
    assertEquals(stderr.match(/"GET \/" 200/g)?.length, 2);
    assert(!/ (warn|error) /.test(stderr), stderr);
  },
});

Deno.test("--probe ends the program with 0, 1 or 2, whatever the environment says", async () => {
  await using server = await startProgram(
    ["-e", "({ fetch: () => new Response() })", "--socket", "a socket"],
  );
  const socket = join(server.folder, "a socket");
  const run = (...words: string[]) =>
    runProgram(["--probe", ...words], { env: { PAGI_PORT: "nonsense" } });
  const well = await run(`unix:${socket}`);
  assertEquals([well.code, well.stdout, well.stderr], [0, "", ""]);
  await server.stop();
  const gone = await run(`unix:${socket}`);
  assertEquals([gone.code, gone.stdout], [1, ""]);
  assertMatch(gone.stderr, /^pagi-server: --probe unix:.*\.\n$/);
  const wrong = await run("example.com");
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertEquals(
    wrong.stderr,
    'pagi-server: --probe: "example.com" is not an http: or https: URL without a user name, or unix:PATH\n',
  );
});

Deno.test("--probe refuses what it could not ask", () => {
  for (
    const word of [
      "http:5000",
      "http://",
      "http://a b/",
      "ftp://a/",
      "http://me@a/",
      "http://me:secret@a/",
      "unix:",
      "unix:\0",
      "127.0.0.1:5000",
    ]
  ) assertThrows(() => target(word), OptionError, "--probe: ");
  assertThrows(() => target(""), OptionError);
});

Deno.test("a probe loads nothing of the server", async () => {
  const loaded = [
    ...await loadedModules("src/cli/main.ts"),
    ...await loadedModules("src/cli/probe.ts"),
  ];
  const rooms = loaded.flatMap((specifier) =>
    /\/src\/(loader\/files\.ts|\w+)/.exec(specifier)?.[1] ?? []
  );
  assertEquals(
    [...new Set(rooms)].sort(),
    ["cli", "http", "loader/files.ts", "log", "options", "std"],
  );
});
