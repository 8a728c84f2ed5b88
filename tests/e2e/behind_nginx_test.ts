/** The real program behind a real nginx, as docs/running.md shows it. */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { NGINX, Nginx } from "../helpers/nginx.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";
import { type Program, startProgram } from "../helpers/run_program.ts";

const ignore = NGINX === null;

/** Tells in any kind of scope what it knows of the client. */
const FILES = {
  "app.ts": `
export default async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("none");
  const { client, scheme, root_path, path, headers } = scope;
  const host = headers.find(([name]) => name === "host")[1];
  const text = [client?.[0], scheme, root_path, path, host].join(" ");
  if (scope.type === "http") {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: text });
  } else if (scope.type === "sse") {
    await send({ type: "sse.start" });
    await send({ type: "sse.send", data: text });
  } else {
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.send", text });
  }
};
`,
  "root/sub/file.txt": "found",
};

/** The nginx of docs/running.md, in front of `program`. */
function nginxFor(program: Program): Promise<Nginx> {
  const readme = Deno.readTextFileSync(
    new URL("../../docs/running.md", import.meta.url),
  );
  const [, config] = /```nginx\n(.*?)```/s.exec(readme)!;
  assert(config.includes("127.0.0.1:5000"));
  return Nginx.start(
    config.replace("127.0.0.1:5000", `127.0.0.1:${program.port}`),
  );
}

/** The options of docs/running.md, with a port of their own. */
function options(): string[] {
  const readme = Deno.readTextFileSync(
    new URL("../../docs/running.md", import.meta.url),
  );
  const [, line] = /^pagi-server (--proxy-headers .*) \.\/app\.ts$/m.exec(
    readme,
  )!;
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)];
  return ["-p0", ...words.map(([, quoted, bare]) => quoted ?? bare)];
}

for (const workers of ["1", "2"]) {
  Deno.test({
    name:
      `the nginx of docs/running.md tells the client's address, with ${workers} worker(s)`,
    ignore,
    async fn() {
      await using program = await startProgram(
        [...options(), "-w", workers, "--access-log", "access.log", "./app.ts"],
        { files: FILES },
      );
      await using nginx = await nginxFor(program);
      // nginx adds 127.0.0.1, its client, which is trusted here; so the one
      // before is believed. The outermost is not.
      const headers = { "x-forwarded-for": "192.0.2.9, 192.0.2.7" };
      const fields = Object.entries(headers).map((field) => field.join(": "));
      const host = `127.0.0.1:${nginx.port}`;

      const response = await fetch(`${nginx.url}/app/x%20y?q`, { headers });
      assertEquals(response.headers.get("x-frame-options"), "DENY");
      assertEquals(await response.text(), `192.0.2.7 http /app /x y ${host}`);

      const events = await fetch(`${nginx.url}/app/e`, {
        headers: { ...headers, accept: "text/event-stream" },
      });
      assertEquals(
        await events.text(),
        `data: 192.0.2.7 http /app /e ${host}\n\n`,
      );

      const connection = await nginx.connect();
      const socket = await RawWebSocket.open(connection, "/app/w", ...fields);
      assertEquals(await socket.message(), "192.0.2.7 ws /app /w localhost");
      await socket.closed();
      await socket.close(1000);
      await connection.rest();
      connection.close();

      // Without a field of the client's own it is nginx's word alone.
      const own = await (await fetch(`${nginx.url}/app/`)).text();
      assertEquals(own, `127.0.0.1 http /app / ${host}`);
      await program.stop();
      assertEquals(
        program.read("access.log").trimEnd().split("\n")
          .map((line) => line.split(" ")[0]).sort(),
        ["127.0.0.1", "192.0.2.7", "192.0.2.7", "192.0.2.7"],
      );
    },
  });
}

Deno.test({
  name:
    "links and redirects of a listing lead back through the nginx of docs/running.md",
  ignore,
  async fn() {
    await using program = await startProgram(
      [...options(), "PAGI::App::Directory", "root=root"],
      { files: FILES },
    );
    await using nginx = await nginxFor(program);
    const listing = await fetch(`${nginx.url}/app/sub`);
    assertEquals(listing.url, `${nginx.url}/app/sub/`);
    const page = await listing.text();
    const [, link] = /href="([^"]*file\.txt)"/.exec(page)!;
    const file = await fetch(new URL(link, listing.url));
    assertEquals(await file.text(), "found");
  },
});

Deno.test("the variables of the environment do the same, in workers too", async () => {
  await using program = await startProgram(["-p0", "-w2", "./app.ts"], {
    files: FILES,
    env: {
      PAGI_PROXY_HEADERS: "1",
      PAGI_TRUSTED_PROXIES: "127.0.0.0/8,unix:",
      PAGI_ROOT_PATH: "/app/",
      PAGI_HEADER: "Cache-Control: no-cache, no-store\nX-Two: 2",
    },
  });
  const response = await fetch(program.url, {
    headers: { forwarded: 'for="[2001:db8::7]:1234";proto=https' },
  });
  assertEquals(
    await response.text(),
    `2001:db8::7 https /app / 127.0.0.1:${program.port}`,
  );
  assertEquals(response.headers.get("cache-control"), "no-cache, no-store");
  assertEquals(response.headers.get("x-two"), "2");
});
