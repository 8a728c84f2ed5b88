import { DirectoryApp } from "../../src/apps/directory.ts";
import {
  endOf,
  newPath,
  sharing,
  type SharingOptions,
} from "../../src/middleware/sharing.ts";
import { configureLog } from "../../src/log/log.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";
import { TestClient } from "../../testing/mod.ts";
import { runApp } from "../helpers/run_app.ts";

const where: PagiApp = async (scope, _receive, send) => {
  if (scope.type !== "http") throw new Error(scope.type);
  await send({ type: "http.response.start", status: 200 });
  const body = `${scope.root_path} ${scope.path}`;
  await send({ type: "http.response.body", body });
};

const PATH = "0123456789abcdef";

Deno.test("random_path serves below that path alone, and tells no other site", async () => {
  const app = sharing({ randomPath: PATH })(where);
  const cases: [target: string, status: number, text?: string][] = [
    [`/${PATH}/`, 200, `/${PATH} /`],
    [`/${PATH}/a/b`, 200, `/${PATH} /a/b`],
    [`/%30123456789abcdef/a`, 200, `/${PATH} /a`],
    [`/${PATH}?a=b`, 308],
    [`/${PATH}x/`, 404],
    [`/${PATH.slice(1)}/`, 404],
    [`//${PATH}/`, 404],
    ["/", 404],
    [`/x/../${PATH}/`, 404],
  ];
  for (const [target, status, text] of cases) {
    const response = await runApp(app, { target });
    assertEquals(response.status, status, target);
    if (text === undefined) continue;
    assertEquals(response.text, text);
    assertEquals(response.header("referrer-policy"), "same-origin");
  }
  const { headers } = await runApp(app, { target: `/${PATH}?a=b` });
  assertEquals(headers[0], ["location", `/${PATH}/?a=b`]);
  const mounted = await runApp(app, {
    target: `/%C3%BC%20b/${PATH}`,
    rootPath: "/ü b",
  });
  assertEquals(mounted.header("location"), `/%C3%BC%20b/${PATH}/`);
});

Deno.test("links of a listing below a random path stay below it", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/sub`);
    await Deno.writeTextFile(`${root}/sub/a.txt`, "hello");
    const app = sharing({ randomPath: PATH })(new DirectoryApp({ root }));
    const page = await runApp(app, {
      target: `/${PATH}/sub/`,
      headers: [["accept", "text/html"]],
    });
    const links = [...page.text.matchAll(/href="(\/[^"]*)"/g)];
    assertEquals(links.filter(([, to]) => !to.startsWith(`/${PATH}/`)), []);
    const file = await runApp(app, { target: `/${PATH}/sub/a.txt` });
    assertEquals(new TextDecoder().decode(file.body), "hello");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("newPath() has 128 bits and never comes twice", () => {
  assertMatch(newPath(), /^[\w-]{22}$/);
  const many = new Set(Array.from({ length: 1000 }, newPath));
  assertEquals(many.size, 1000);
});

Deno.test("after its end a share says so with 410", async () => {
  const log: string[] = [];
  configureLog({ level: "warn", write: (text) => void log.push(text) });
  const over = sharing({ expires: "2020-01-01" })(where);
  configureLog({ level: "info" });
  assertMatch(log.join(""), /expires=2020-01-01 is in the past/);
  const page = await runApp(over);
  assertEquals(page.status, 410);
  assertMatch(page.text, /This share has ended/);
  assertEquals((await runApp(over, { type: "sse" })).status, 410);
  const open = sharing({ expires: "2h" })(where);
  assertEquals((await runApp(open)).status, 200);
  const soon = new Date(Date.now() + 300).toISOString();
  const streaming: PagiApp = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    while ((await receive()).type !== "websocket.disconnect");
  };
  const client = new TestClient(sharing({ expires: soon })(streaming));
  const socket = await client.websocket("/");
  const { code } = await socket.closed();
  assertEquals(code, 1001);
});

Deno.test("endOf() reads times and dates", () => {
  assertEquals(endOf("2h", 0), 7_200_000);
  assertEquals(endOf("1h30m", 0), 5_400_000);
  assertEquals(endOf("1.5d", 0), 129_600_000);
  assertEquals(endOf("45S", 0), 45_000);
  assertEquals(endOf("2026-12-24T18:00:00Z"), Date.UTC(2026, 11, 24, 18));
  for (const wrong of ["", "2", "2x", "h", "-1h", "tomorrow", "9999999d"]) {
    assertEquals(endOf(wrong), undefined, wrong);
  }
  assertThrows(() => sharing({ expires: "soon" }), OptionError, "2h");
  const short: SharingOptions = { randomPath: "guessable" };
  assertThrows(() => sharing(short), OptionError, "16 to 64");
  assert(sharing({})(where) !== undefined);
});
