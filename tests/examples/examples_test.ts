import { loadApp } from "../../src/loader/load_app.ts";
import type { AppRequest } from "../../src/loader/load_app.ts";
import type { PagiApp, Scope, SendEvent } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { runApp } from "../helpers/run_app.ts";
import { startProgram } from "../helpers/run_program.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples", import.meta.url));

async function load(request: Partial<AppRequest>): Promise<PagiApp> {
  const { app } = await loadApp({
    positionals: [],
    app: null,
    lib: [],
    modules: [],
    eval: null,
    ...request,
  });
  return app;
}

function example(name: string): Promise<PagiApp> {
  return load({ positionals: [`${EXAMPLES}/${name}/app.ts`] });
}

Deno.test("every example has an app and a README that names it", async () => {
  const index = await Deno.readTextFile(`${EXAMPLES}/README.md`);
  const names = [];
  for await (const { name, isDirectory } of Deno.readDir(EXAMPLES)) {
    if (isDirectory) names.push(name);
  }
  assert(names.length >= 10);
  for (const name of names) {
    const readme = await Deno.readTextFile(`${EXAMPLES}/${name}/README.md`);
    assert(readme.includes("pagi-server "), name);
    assert(readme.includes(`./examples/${name}`), name);
    assert(index.includes(`(${name}/)`), name);
  }
});

Deno.test("every PAGI example throws on a scope that it does not support", async () => {
  const scope = { ...requestScope(), type: "none" } as unknown as Scope;
  const names = ["01-hello-http", "02-streaming-response", "03-request-body"];
  names.push("04-websocket-echo", "05-sse-clock", "06-lifespan-state");
  for (const name of [...names, "10-middleware"]) {
    const app = await example(name);
    const sent: SendEvent[] = [];
    await assertRejects(
      () =>
        app(
          scope,
          () => Promise.reject(new Error("nothing comes")),
          (event) => {
            sent.push(event);
            return Promise.resolve();
          },
        ),
      Error,
      "No support for none",
      name,
    );
    assertEquals(sent, [], name);
  }
});

Deno.test("07-fetch-handler routes its requests", async () => {
  const app = await example("07-fetch-handler");
  const search = await runApp(app, { target: "/search?q=camel" });
  assertEquals(search.text, '{"query":"camel"}');
  const upper = await runApp(app, {
    method: "POST",
    target: "/upper",
    body: "shout",
  });
  assertEquals(upper.text, "SHOUT");
  assertEquals((await runApp(app, { target: "/none" })).status, 404);
});

Deno.test("08-hono answers with routes and with an event stream", async () => {
  const app = await example("08-hono");
  const user = await runApp(app, { target: "/users/camel" });
  assertEquals(user.text, '{"name":"camel"}');
  const countdown = await runApp(app, { type: "sse", target: "/countdown" });
  assertEquals(countdown.text, "data: 3\n\ndata: 2\n\ndata: 1\n\n");
});

Deno.test("09-class-app is found by name and by file, with options", async () => {
  const folder = `${EXAMPLES}/09-class-app`;
  const named = await load({
    lib: [folder],
    positionals: ["My::App", "greeting=Good morning", "loud=1"],
  });
  assertEquals((await runApp(named)).text, "GOOD MORNING!\n");
  const file = await load({
    positionals: [`${folder}/My/App.ts`, "greeting=Hi", "loud=0"],
  });
  assertEquals((await runApp(file)).text, "Hi\n");
  await assertRejects(
    () => load({ lib: [folder], positionals: ["My::App", "lod=1"] }),
    Error,
    'My::App has no option "lod"',
  );
});

Deno.test("11-bundled-apps answers at every place of its map", async () => {
  const app = await example("11-bundled-apps");
  const ask = async (target: string): Promise<string> => {
    const { status, text } = await runApp(app, { target });
    return `${status} ${text}`;
  };
  assertEquals(await ask("/greet/Ada"), "200 Hello, Ada!\n");
  assertEquals(await ask("/file.txt"), "200 A file of the example.\n");
  assertEquals(await ask("/nothing"), "404 Nothing here\n");
  assertMatch(await ask("/health"), /^200 .*"version":"1.0"/s);
  const { status, header } = await runApp(app, { target: "/old" });
  assertEquals([status, header("location")], [301, "/"]);
});

Deno.test("12-hono-project runs by its own deno.json, WebSockets included", async () => {
  const app = `${EXAMPLES}/12-hono-project/app.ts`;
  await using program = await startProgram(["-p", "0", app]);
  const { url } = program;
  const socket = new WebSocket(`${url.replace("http", "ws")}/live`);
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onmessage = async ({ data }) => {
    heard.push(data);
    if (heard.length === 2) return resolve();
    const sent = await fetch(`${url}/notes`, { method: "POST", body: "milk" });
    assertEquals([sent.status, await sent.json()], [201, { count: 1 }]);
  };
  await promise;
  assertEquals(heard, ["0 notes so far", "milk"]);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("13-express-project runs as npm installs it, and its port is not bound", async () => {
  const folder = `${EXAMPLES}/13-express-project`;
  const files: Record<string, string> = {};
  for (const name of ["package.json", "server.js", "greetings.json"]) {
    files[name] = await Deno.readTextFile(`${folder}/${name}`);
  }
  // What the README has npm do.
  const shell =
    '"$1" install --quiet --no-lock || { echo >&2 " info  Ready: nothing"; exit 9; }; exec "$@"';
  await using program = await startProgram(
    ["-p", "0", "server.js"],
    { files, shell },
  );
  if (program.log.includes("Ready: nothing")) {
    console.warn(
      "Express cannot be fetched here, so its example is not tested.",
    );
    return;
  }
  assertStringIncludes(program.log, "port 3000 is not bound.");
  const { url } = program;
  assertEquals(await (await fetch(url)).text(), "Hello from Express\n");
  assertEquals(
    await (await fetch(`${url}/fr`)).json(),
    { greeting: "Bonjour", you: "127.0.0.1" },
  );
});
