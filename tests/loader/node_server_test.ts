import { loadApp } from "../../src/loader/load_app.ts";
import { assertEquals, assertStringIncludes } from "../../src/std/assert.ts";
import { startProgram } from "../helpers/run_program.ts";
import { withServer } from "../helpers/with_server.ts";
import { failure, request } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

const HANDLER = `(req, res) => {
  const { remoteAddress, encrypted } = req.socket;
  res.setHeader("x-seen", [req.headers.host, remoteAddress, encrypted].join());
  res.end(req.method + " " + req.url);
}`;
const CREATE = `import http from "node:http";
  const server = http.createServer(${HANDLER});`;

const nameOf = (code: string, index: number): string =>
  `${index}.${code.includes("module.exports") ? "cjs" : "js"}`;

Deno.test({
  name:
    "apps made for Node's HTTP server are served by it, and their ports are not bound",
  ignore: Deno.build.os === "windows",
  async fn() {
    const forms: [code: string, notes: string[]][] = [
      [
        `${CREATE} server.listen(1, "0.0.0.0", () => {
        if (!server.listening) throw new Error("It listens by now.");
      });`,
        ["calls listen(): its handler is served here, and port 1 is not"],
      ],
      [`${CREATE} export { server }; server.listen({ path: "/none" });`, [
        "and the socket /none is not bound.",
      ]],
      [`${CREATE} server.listen({ path: false, port: 1 });`, ["port 1 is not"]],
      [
        `const http = require("http");
        module.exports = { listen: () => http.createServer(${HANDLER}).listen(1) };`,
        [],
      ],
      // As CommonJS has it, which cannot wait.
      [`${CREATE} setTimeout(() => server.listen(1), 100);`, ["port 1 is not"]],
      [`export default ${HANDLER};`, []],
      [`export const handler = ${HANDLER};`, ["its export handler is served"]],
      [
        `export const handler = async (...args) => {
          const [req, res, next] = args;
          return (${HANDLER})(req, res);
        };`,
        ["its export handler is served"],
      ],
      [
        `const http = require("http");
        module.exports = {};
        if (!module.parent && require.main === module) {
          http.createServer(${HANDLER}).listen(1);
        }`,
        ["port 1 is not"],
      ],
      // Named so that it might be a fetch handler.
      [
        `const http = require("http");
        const app = (a, b) => (${HANDLER})(a, b);
        http.createServer(app).listen(1);
        module.exports = app;`,
        ["port 1 is not"],
      ],
      // A library that the text of the app names nothing of.
      [
        `import { startLocalServer } from "./library.js";
        startLocalServer({ port: 1 });`,
        ["port 1 is not"],
      ],
      // As Hapi has it.
      [`import * as library from "./library.js"; library.begin({ port: 1 });`, [
        "port 1 is not",
      ]],
      [`require("./late.cjs"); module.exports = {};`, ["port 1 is not"]],
      // What compilers make of an ES module.
      [
        `Object.defineProperty(module.exports, "__esModule", { value: true });
        const http = require("http");
        setTimeout(() => http.createServer(${HANDLER}).listen(1), 50);`,
        ["port 1 is not"],
      ],
      [
        `${CREATE} export default { callback() {}, async listen(...args) {
        await 0;
        return server.listen(...args);
      } };`,
        [],
      ],
    ];
    await withFiles(
      {
        "library.js": `const http = process.getBuiltinModule("http");
          export const begin = (options) => startLocalServer(options);
          export const startLocalServer = ({ port }) =>
            http.createServer(${HANDLER})["listen"](port);`,
        "late.cjs": `const http = require("http");
          setTimeout(() => http.createServer(${HANDLER}).listen(1), 50);`,
        ...Object.fromEntries(
          forms.map(([code], i) => [nameOf(code, i), code]),
        ),
      },
      async (folder) => {
        for (const [i, [code, notes]] of forms.entries()) {
          const file = `${folder}/${nameOf(code, i)}`;
          const { app, title } = await loadApp(request([file]));
          const lines = title.split("\n").slice(1);
          assertEquals(lines.length, notes.length, title);
          for (const [j, note] of notes.entries()) {
            assertStringIncludes(lines[j], note);
          }
          await withServer(app, {}, async ({ url, port }) => {
            const answer = await fetch(`${url}/a%2Fb?c`, {
              method: "POST",
              body: "x",
              headers: { "x-forwarded-for": "192.0.2.1" },
            });
            assertEquals(await answer.text(), "POST /a%2Fb?c", code);
            assertEquals(
              answer.headers.get("x-seen"),
              `127.0.0.1:${port},127.0.0.1,false`,
            );
          });
        }
      },
    );
  },
});

Deno.test("an app made for Node that never listens gets a sentence, and so does node:https", async () => {
  await withFiles({
    "never.js": "export default { callback() {}, listen() {} };",
    "https.js": `import https from "node:https";
      https.createServer({}, () => {}).listen(443);`,
  }, async (folder) => {
    assertStringIncludes(
      await failure([`${folder}/never.js`]),
      "is made for Node's own HTTP server, and has not started it within 5 s",
    );
    assertStringIncludes(
      await failure([`${folder}/https.js`]),
      "give --ssl-cert and --ssl-key to pagi-server",
    );
  });
});

Deno.test({
  name: "a server of Node beside an exported app leaves no socket behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using program = await startProgram(["-p", "0", "app.js"], {
      shell: 'export TMPDIR="$PWD"; exec "$@"',
      files: {
        "app.js": `${CREATE} server.listen(80);
        export default { fetch: () => new Response("exported") };`,
      },
    });
    assertEquals(await (await fetch(program.url)).text(), "exported");
    const names = [...Deno.readDirSync(program.folder)].map(({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("pagi-node-")), []);
  },
});

Deno.test({
  name: "workers run an app made for Node, and leave nothing behind",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using program = await startProgram(["-p", "0", "-w", "2", "app.js"], {
      shell: 'export TMPDIR="$PWD"; exec "$@"',
      files: {
        "app.js": `${CREATE}
        server.on("upgrade", (req, socket) => {
          console.error("upgrades for", req.socket.remoteAddress);
          socket.end("HTTP/1.1 418 No\\r\\ncontent-length: 0\\r\\n\\r\\n");
        });
        server.listen(80);`,
      },
    });
    const { url } = program;
    assertEquals(await (await fetch(`${url}/x`)).text(), "GET /x");
    const socket = new WebSocket(url.replace("http", "ws"));
    await new Promise((resolve) => socket.onerror = resolve);
    await program.logged(/upgrades for 127\.0\.0\.1/);
    const folders = () =>
      [...Deno.readDirSync(program.folder)]
        .filter(({ name }) => name.startsWith("pagi-node-")).length;
    assertEquals(folders(), 2);
    const { code } = await program.stop();
    assertEquals([code, folders()], [0, 0]);
  },
});
