/**
 * The program's main jobs, in what Linux, macOS and Windows have in common:
 * the release workflow runs these tests on each of them.
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";

const FILES = {
  "folder/hello world.txt": "hello\n",
  "app.ts": `export default {
  fetch: (request: Request) => new Response(new URL(request.url).pathname),
};`,
  "socket.ts": `import type { PagiApp } from "${new URL(
    "../../src/pagi/types.ts",
    import.meta.url,
  )}";
const app: PagiApp = async (scope, receive, send) => {
  if (scope.type !== "websocket") throw new Error("no");
  await receive();
  await send({ type: "websocket.accept" });
  const event = await receive();
  if (event.type !== "websocket.receive") return;
  await send({ type: "websocket.send", text: "You said " + event.text });
};
export default app;`,
};

Deno.test("folders are listed and files served", async () => {
  await using program = await startProgram(["-p0"], { files: FILES });
  const listing = await (await fetch(`${program.url}/folder/`)).text();
  assertStringIncludes(listing, "hello%20world.txt");
  const file = await fetch(`${program.url}/folder/hello%20world.txt`, {
    headers: { range: "bytes=1-3" },
  });
  assertEquals(file.status, 206);
  assertEquals(await file.text(), "ell");
  for (const path of ["/..%5c..%5c", "/.hidden", "/nowhere"]) {
    const { status, body } = await fetch(program.url + path);
    await body?.cancel();
    assert(status === 403 || status === 404, `${path}: ${status}`);
  }
});

Deno.test("an app file runs, also where several workers are asked for", async () => {
  const args = ["-p0", "-w2", "./app.ts"];
  await using program = await startProgram(args, {
    files: FILES,
    permissions: ["-A", "--unstable-net"],
  });
  assertEquals(await (await fetch(`${program.url}/here`)).text(), "/here");
});

Deno.test("a WebSocket is answered", async () => {
  await using program = await startProgram(["-p0", "./socket.ts"], {
    files: FILES,
  });
  const socket = new WebSocket(program.url.replace("http", "ws"));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  const said = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = reject;
  });
  assertEquals(said, "You said hello");
  await closed;
});

Deno.test("a taken port and a wrong option are told in a sentence", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await runProgram(["-p", `${taken.addr.port}`]);
  taken.close();
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^pagi-server: Cannot listen on 127\.0\.0\.1:\d+: .*\.$/m,
  );
  const wrong = await runProgram(["--pory", "1"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /did you mean --port\?/);
});
