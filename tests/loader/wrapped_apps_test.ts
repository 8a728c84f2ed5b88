import { loadApp } from "../../src/loader/load_app.ts";
import { configureLog } from "../../src/log/log.ts";
import { ConfigFile } from "../../src/options/config_file.ts";
import { OptionError } from "../../src/options/option_error.ts";
import type { HeaderList, PagiApp } from "../../src/pagi/types.ts";
import { settleShares, sharePath } from "../../src/cli/share_words.ts";
import { parseCommandLine } from "../../src/options/command_line.ts";
import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
} from "../../src/std/assert.ts";
import { runApp } from "../helpers/run_app.ts";
import { request } from "./loading.ts";
import { withFiles } from "./temp_files.ts";

const HASH =
  "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
const ARGON2 = `$argon2id$v=19$m=65536,t=3,p=4$ZBLXmGczl3gjrJMmpxdpEg$${
  "a".repeat(43)
}`;

const FILES = {
  "public/a.txt": "open",
  "secret/b.txt": "closed",
  "app.ts":
    `export default (scope, receive, send) => send({ type: "http.response.start", status: 200 })
      .then(() => send({ type: "http.response.body", body: scope["auth.user"] ?? "nobody" }));`,
};

async function status(app: PagiApp, target: string, credentials?: string) {
  const headers: HeaderList = credentials === undefined
    ? []
    : [["authorization", `Basic ${btoa(credentials)}`]];
  return (await runApp(app, { target, headers })).status;
}

Deno.test("every mount may ask for a password, and no way leads around it", async () => {
  configureLog({ level: "error" });
  await withFiles(FILES, async (folder) => {
    const { app, title } = await loadApp(request([
      "PAGI::App::URLMap",
      `/secret=PAGI::App::Directory,root=${folder}/secret,auth=alice:${HASH},auth=bob:${ARGON2},auth_realm=Mine`,
      `/api=${folder}/app.ts,auth=alice:${HASH}`,
      `/both=PAGI::App::Cascade,auth=alice:${HASH},1="PAGI::App::NotFound",2="${folder}/app.ts"`,
      `/=PAGI::App::Directory,root=${folder}/public`,
    ]));
    assertEquals(await status(app, "/a.txt"), 200);
    for (
      const target of [
        "/secret/b.txt",
        "/secret/",
        "/secret",
        "/%73ecret/b.txt",
        "/secret%2Fb.txt",
        "//secret/b.txt",
        "/./secret/b.txt",
        "/x/../secret/b.txt",
        "/x/%2e%2e/secret/b.txt",
        "/x%2F..%2Fsecret/b.txt",
        "/secret/?zip=1",
        "/api/x",
        "/%61pi",
        "/both/x",
      ]
    ) {
      assertEquals(await status(app, target), 401, target);
      const right = await status(app, target, "alice:secret");
      assertEquals([200, 301].includes(right), true, `${target}: ${right}`);
    }
    assertEquals(await status(app, "/secret/b.txt", "alice:no"), 401);
    assertNotMatch(title, /sha256|argon2/);
  });
});

Deno.test("an app of one's own keeps options of these names, unless it is mounted", async () => {
  await withFiles({
    "app.ts":
      `export default class { constructor(options) { this.options = options; }
        toApp() { const text = JSON.stringify(this.options); return (scope, receive, send) =>
          send({ type: "http.response.start", status: 200 })
            .then(() => send({ type: "http.response.body", body: text })); } }`,
  }, async (folder) => {
    const own = await loadApp(request([`${folder}/app.ts`, "auth=a", "x=1"]));
    assertEquals((await runApp(own.app)).text, '{"auth":"a","x":"1"}');
    const mounted = await loadApp(request([
      "PAGI::App::URLMap",
      `/=${folder}/app.ts,x=1,headers=X-A: b`,
    ]));
    const { text, header } = await runApp(mounted.app);
    assertEquals([text, header("x-a")], ['{"x":"1"}', "b"]);
  });
});

Deno.test("wrong options around an app are named, but no password", async () => {
  const wrong = async (...words: string[]) =>
    (await assertRejects(
      () => loadApp(request(["PAGI::App::NotFound", ...words])),
      OptionError,
    )).message;
  const plain = await wrong("auth=alice:hunter2");
  assertMatch(plain, /option auth: user "alice": the hash/);
  assertNotMatch(plain, /hunter2/);
  assertMatch(await wrong("auth_realm=x"), /auth needs users/);
  assertMatch(await wrong("cors=a.example"), /option cors/);
  assertMatch(await wrong("expires=soon"), /option expires/);
  assertMatch(await wrong("bod=x"), /has no option "bod"/);
});

Deno.test("a configuration file has the same options, with lists", async () => {
  configureLog({ level: "error" });
  const { words } = new ConfigFile(
    "pagi-server.toml",
    `[mount."/x"]
name = "PAGI::App::NotFound"
auth = ["alice:${HASH}", "bob:${ARGON2}"]
headers = ["X-A: b, c", "X-D: e"]
`,
  );
  const { app } = await loadApp(request(["PAGI::App::URLMap", ...words]));
  assertEquals(await status(app, "/x"), 401);
  const { status: found, header } = await runApp(app, {
    target: "/x",
    headers: [["authorization", `Basic ${btoa("alice:secret")}`]],
  });
  assertEquals([found, header("x-a"), header("x-d")], [404, "b, c", "e"]);
});

Deno.test("a random path and an end are settled once for all workers", async () => {
  const settle = async (...words: string[]) =>
    (await settleShares(parseCommandLine(words, {}), false)).positionals;
  const [, path, end] = await settle(
    "PAGI::App::Directory",
    "random_path=1",
    "expires=2h",
  );
  assertMatch(path, /^random_path=[\w-]{22}$/);
  assertMatch(end, /^expires=\d{4}-.*Z$/);
  assertEquals(sharePath([path]), `${path.slice(12)}/`);
  const [, mount] = await settle(
    "PAGI::App::URLMap",
    "/x=PAGI::App::Directory,random_path=1,expires=30m",
  );
  assertMatch(mount, /random_path=[\w-]{22},expires=\d{4}-[^,]*Z$/);
  assertMatch(sharePath([mount]), /^x\/[\w-]{22}\/$/);
  const own = ["./app.ts", "random_path=1", "expires=2h"];
  assertEquals(await settle(...own), own);
});
