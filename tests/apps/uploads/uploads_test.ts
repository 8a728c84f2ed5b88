import { DirectoryApp } from "../../../src/apps/directory.ts";
import { UNFINISHED_PREFIX } from "../../../src/apps/files/document_root.ts";
import { configureLog } from "../../../src/log/log.ts";
import type { HttpScope, ReceiveEvent } from "../../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../../src/std/assert.ts";
import { HOSTILE_NAMES } from "../../helpers/hostile_tree.ts";
import { FakeClock } from "../../helpers/fake_clock.ts";
import { requestScope } from "../../helpers/request_scope.ts";
import { ALL, UploadFolder } from "../../helpers/upload_folder.ts";
import { withServer } from "../../helpers/with_server.ts";
import { encodeSegment } from "../../../src/http/target.ts";

configureLog({ level: "error" });

function form(...files: [name: string, content: string][]) {
  return {
    headers: { "content-type": "multipart/form-data; boundary=AaB" },
    body:
      files.map(([name, content]) =>
        `--AaB\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${content}\r\n`
      ).join("") + "--AaB--\r\n",
  };
}

function fields(values: Record<string, string>) {
  return {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: String(new URLSearchParams(values)),
  };
}

Deno.test("nothing can be changed unless an option allows it", async () => {
  using folder = new UploadFolder({});
  for (const method of ["PUT", "POST", "DELETE", "MKCOL", "MOVE", "OPTIONS"]) {
    const { status, header } = await folder.send(method, "/a", { body: "x" });
    assertEquals([status, header("allow")], [405, "GET, HEAD"], method);
  }
  assertEquals(folder.tree(), {});
});

Deno.test("each change needs its own option, and a sentence says which", async () => {
  const asked: [string, keyof typeof ALL, Parameters<UploadFolder["send"]>][] =
    [
      ["upload=1", "upload", ["PUT", "/new", { body: "x" }]],
      ["upload=1", "upload", ["POST", "/", form(["new", "x"])]],
      ["mkdir=1", "mkdir", ["MKCOL", "/new/"]],
      ["mkdir=1", "mkdir", [
        "POST",
        "/",
        fields({ action: "mkdir", name: "n" }),
      ]],
      ["rename=1", "rename", ["MOVE", "/a", {
        headers: { destination: "/b" },
      }]],
      ["rename=1", "rename", [
        "POST",
        "/",
        fields({ action: "rename", name: "a", to: "b" }),
      ]],
      ["delete=1", "delete", ["DELETE", "/a"]],
      ["delete=1", "delete", [
        "POST",
        "/",
        fields({ action: "delete", name: "a" }),
      ]],
    ];
  for (const [word, option, request] of asked) {
    using folder = new UploadFolder({ ...ALL, [option]: false });
    Deno.writeTextFileSync(`${folder.path}/a`, "old");
    const { status, text } = await folder.send(...request);
    assertEquals(status, 403);
    assertStringIncludes(text, word);
    assertEquals(folder.tree(), { a: "old" });
  }
});

Deno.test("a file is put, and read again at the location of the answer", async () => {
  using folder = new UploadFolder();
  for (const name of HOSTILE_NAMES) {
    if (/[\\]/.test(name)) continue;
    const target = `/${encodeSegment(name)}`;
    const put = await folder.send("PUT", target, { body: name });
    assertEquals([put.status, put.header("location")], [201, target], name);
    const { status, text } = await folder.send("GET", put.header("location")!);
    assertEquals([status, text], [200, name]);
  }
});

Deno.test("a form stores all its files, with their folders", async () => {
  using folder = new UploadFolder();
  const sent = form(["a.txt", "1"], ["d/e/f.txt", "2"], ["", ""]);
  const { status, text } = await folder.send("POST", "/", sent);
  assertEquals([status, text], [200, "/a.txt\n/d/e/f.txt\n"]);
  assertEquals(folder.tree(), {
    "a.txt": "1",
    "d": null,
    "d/e": null,
    "d/e/f.txt": "2",
  });
});

Deno.test("a browser is led back to the folder that it has changed", async () => {
  using folder = new UploadFolder();
  for (
    const sent of [
      form(["a", "1"]),
      fields({ action: "mkdir", name: "deep" }),
      fields({ action: "rename", name: "a", to: "deep/b" }),
      fields({ action: "delete", name: "deep" }),
    ]
  ) {
    const headers = { ...sent.headers, accept: "text/html,*/*" };
    const { status, header } = await folder.send("POST", "/?sort=size", {
      ...sent,
      headers,
    });
    assertEquals([status, header("location")], [303, "/"]);
  }
  assertEquals(folder.tree(), {});
});

for (
  const [overwrite, status, tree] of [
    ["0", 409, { "a.txt": "old" }],
    ["1", 204, { "a.txt": "new" }],
    ["rename", 201, { "a.txt": "old", "a (1).txt": "new" }],
  ] as const
) {
  Deno.test(`overwrite=${overwrite} answers ${status} where a name is taken`, async () => {
    using folder = new UploadFolder({ ...ALL, overwrite });
    await folder.send("PUT", "/a.txt", { body: "old" });
    const put = await folder.send("PUT", "/a.txt", { body: "new" });
    assertEquals(put.status, status);
    assertEquals(folder.tree(), tree);
  });
}

Deno.test("a file that replaces another keeps its permissions", async () => {
  using folder = new UploadFolder({ ...ALL, overwrite: "1" });
  const path = `${folder.path}/secret`;
  Deno.writeTextFileSync(path, "old");
  Deno.chmodSync(path, 0o600);
  await folder.send("PUT", "/secret", { body: "new" });
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
});

Deno.test("conditions decide before anything is changed", async () => {
  using folder = new UploadFolder({ ...ALL, overwrite: "1" });
  await folder.send("PUT", "/a", { body: "old" });
  for (
    const [headers, target, status] of [
      [{ "if-none-match": "*" }, "/a", 412],
      [{ "if-match": '"other"' }, "/a", 412],
      [{ "if-match": "*" }, "/new", 412],
      [{ "if-unmodified-since": "not a date" }, "/a", 204],
      [{ "if-none-match": '"other"' }, "/a", 204],
      [{ "if-none-match": "*" }, "/new", 201],
    ] as const
  ) {
    const put = await folder.send("PUT", target, { headers, body: "new" });
    assertEquals(put.status, status, JSON.stringify(headers));
  }
});

Deno.test("a file that was just written is replaced by its tag, weak or not", async () => {
  using folder = new UploadFolder({ ...ALL, overwrite: "1" });
  await folder.send("PUT", "/a", { body: "1" });
  for (const kept of [/$^/, /^W\//]) {
    const tag = (await folder.send("HEAD", "/a")).header("etag")!;
    const headers = { "if-match": tag.replace(kept, "") };
    const put = await folder.send("PUT", "/a", { headers, body: tag });
    assertEquals(put.status, 204);
    const again = await folder.send("PUT", "/a", { headers, body: "lost" });
    assertEquals([again.status, folder.tree()], [412, { a: tag }]);
  }
});

Deno.test("links are replaced, never written through", async () => {
  using folder = new UploadFolder({ ...ALL, overwrite: "1" });
  const outside = `${folder.path}/../outside.txt`;
  Deno.writeTextFileSync(outside, "untouched");
  Deno.symlinkSync("../outside.txt", `${folder.path}/link`);
  Deno.symlinkSync("..", `${folder.path}/up`);
  assertEquals((await folder.send("PUT", "/link", { body: "x" })).status, 204);
  assertEquals(
    (await folder.send("PUT", "/up/new", { body: "x" })).status,
    403,
  );
  assertEquals((await folder.send("DELETE", "/up/root")).status, 403);
  assertEquals((await folder.send("MKCOL", "/up/new/")).status, 403);
  const headers = { destination: "/up/moved" };
  const moved = await folder.send("MOVE", "/link", { headers });
  assertEquals(moved.status, 403);
  assertEquals(Deno.readTextFileSync(outside), "untouched");
  assertEquals(folder.outside(), ["outside.txt"]);
});

Deno.test("a folder that is exchanged for a link meanwhile leads nowhere", async () => {
  using folder = new UploadFolder({ ...ALL, overwrite: "1" });
  const outside = `${folder.path}/../outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/kept`, "");
  Deno.mkdirSync(`${folder.path}/flip`);
  Deno.symlinkSync("../outside", `${folder.path}/flip.link`);
  const url = new URL("../files/flipper.ts", import.meta.url);
  const flipper = new Worker(url, { type: "module" });
  const told = (word: string) =>
    new Promise<void>((resolve) => {
      flipper.onmessage = ({ data }) => data === word && resolve();
    });
  flipper.postMessage(folder.path);
  await told("flipping");
  const statuses = new Set<number>();
  for (let i = 0; i < 300; i++) {
    const put = await folder.send("PUT", `/flip/${i}`, { body: "x" });
    statuses.add(put.status);
    await folder.send("DELETE", "/flip/kept");
    await folder.send("MKCOL", `/flip/d${i}/`);
  }
  const stopped = told("stopped");
  flipper.postMessage("stop");
  await stopped;
  flipper.terminate();
  assert(statuses.has(201), `${[...statuses]}`);
  assertEquals([...Deno.readDirSync(outside)].map(({ name }) => name), [
    "kept",
  ]);
});

Deno.test("names that readers cannot have are not written either", async () => {
  using folder = new UploadFolder();
  for (
    const target of [
      "/../x",
      "/a/../../x",
      "/..%2fx",
      "/%2e%2e/x",
      "/..%5cx",
      "/.hidden",
      "/.git/config",
      "/pagi-server.toml",
      "/a%00b",
      "/caf%E9",
      `/${"x".repeat(256)}`,
      `/${UNFINISHED_PREFIX}x`,
      "/",
      "/folder/",
    ]
  ) {
    const { status } = await folder.send("PUT", target, { body: "x" });
    assert(status >= 400 && status < 500, `${target}: ${status}`);
  }
  for (const name of ["../x", ".hidden", "a/../../x", "..\\x", "a\0b"]) {
    for (
      const sent of [
        form([name, "x"]),
        fields({ action: "mkdir", name }),
        fields({ action: "rename", name: "there", to: name }),
      ]
    ) {
      Deno.writeTextFileSync(`${folder.path}/there`, "");
      const { status } = await folder.send("POST", "/", sent);
      assert(status >= 400 && status < 500, `${name}: ${status}`);
    }
  }
  assertEquals(folder.tree(), { there: "" });
  assertEquals(folder.outside(), []);
});

Deno.test("unfinished files are not shown, even with hidden ones", async () => {
  using folder = new UploadFolder({ ...ALL, showHidden: true });
  const name = `${UNFINISHED_PREFIX}1`;
  Deno.writeTextFileSync(`${folder.path}/${name}`, "half");
  const listing = await folder.send("GET", "/", {
    headers: { accept: "application/json" },
  });
  assertEquals(listing.text, "[]");
  assertEquals((await folder.send("GET", `/${name}`)).status, 403);
  assertEquals((await folder.send("DELETE", `/${name}`)).status, 403);
});

Deno.test("what a crash has left is removed with the next upload", async () => {
  using folder = new UploadFolder();
  const old = `${folder.path}/${UNFINISHED_PREFIX}old`;
  const young = `${folder.path}/${UNFINISHED_PREFIX}young`;
  Deno.writeTextFileSync(old, "half");
  Deno.utimeSync(old, 0, 0);
  Deno.writeTextFileSync(young, "of another process");
  await folder.send("PUT", "/a", { body: "x" });
  assertEquals(Object.keys(folder.tree()).sort(), [
    `${UNFINISHED_PREFIX}young`,
    "a",
  ]);
  using clock = new FakeClock();
  Deno.utimeSync(young, 0, 0);
  clock.advance(2 * 60 * 60 * 1000);
  await folder.send("PUT", "/b", { body: "x" });
  assertEquals(Object.keys(folder.tree()).sort(), ["a", "b"]);
});

Deno.test("a file over the limit gets 413, announced or not", async () => {
  using folder = new UploadFolder({ ...ALL, uploadLimit: "1k" });
  const body = "x".repeat(1025);
  const headers = { "content-length": "1025" };
  for (
    const request of [{ body, headers }, { body: [body.slice(1), "xx"] }]
  ) {
    const { status, text } = await folder.send("PUT", "/a", request);
    assertEquals(status, 413);
    assertStringIncludes(text, "up to 1024 bytes");
  }
  const { status } = await folder.send("POST", "/", form(["a", body]));
  assertEquals(status, 413);
  assertEquals(folder.tree(), {});
});

Deno.test("only files of the types that are wanted are taken, and renamed to", async () => {
  using folder = new UploadFolder({ ...ALL, uploadTypes: [".TXT", "image/*"] });
  for (
    const [name, status] of [
      ["a.txt", 201],
      ["b.Png", 201],
      ["c.html", 415],
      ["d.txt.exe", 415],
      ["txt", 415],
    ] as const
  ) {
    const put = await folder.send("PUT", `/${name}`, { body: "x" });
    assertEquals(put.status, status, name);
  }
  const headers = { destination: "/a.html" };
  assertEquals((await folder.send("MOVE", "/a.txt", { headers })).status, 415);
});

Deno.test("pages of other sites can change nothing", async () => {
  using folder = new UploadFolder();
  for (
    const [headers, status] of [
      [{ host: "me", origin: "http://evil.example" }, 403],
      [{ host: "me", origin: "null" }, 403],
      [{ host: "me", "sec-fetch-site": "cross-site" }, 403],
      [{ host: "me", "sec-fetch-site": "same-site", origin: "http://me" }, 403],
      [{ host: "me", origin: "https://me" }, 201],
      [{ host: "me", "sec-fetch-site": "same-origin" }, 409],
      [{}, 409],
    ] as const
  ) {
    const put = await folder.send("PUT", "/a", { headers, body: "x" });
    assertEquals(put.status, status, JSON.stringify(headers));
  }
});

Deno.test("parts of files, coded files and folders with a body are refused", async () => {
  using folder = new UploadFolder();
  for (
    const [headers, status] of [
      [{ "content-range": "bytes 0-1/2" }, 400],
      [{ "content-encoding": "gzip" }, 415],
    ] as const
  ) {
    const put = await folder.send("PUT", "/a", { headers, body: "x" });
    assertEquals(put.status, status);
  }
  const made = await folder.send("MKCOL", "/a/", { body: "<x/>" });
  assertEquals(made.status, 415);
  assertEquals(folder.tree(), {});
});

Deno.test("folders are made, moved and deleted with all that is in them", async () => {
  using folder = new UploadFolder();
  const move = (from: string, destination: string) =>
    folder.send("MOVE", from, { headers: { destination, host: "me" } });
  assertEquals((await folder.send("MKCOL", "/a/")).status, 201);
  assertEquals((await folder.send("MKCOL", "/a/")).status, 405);
  assertEquals((await folder.send("MKCOL", "/b/c/")).status, 409);
  await folder.send("PUT", "/a/f", { body: "1" });
  assertEquals((await move("/a/", "/a/b/")).status, 409);
  assertEquals((await move("/a", "/a")).status, 403);
  assertEquals((await move("/nothing", "/a")).status, 404);
  assertEquals((await move("/a/", "http://other.example/z/")).status, 502);
  assertEquals((await move("/a/", "/z/")).status, 201);
  assertEquals(folder.tree(), { z: null, "z/f": "1" });
  assertEquals((await folder.send("DELETE", "/")).status, 403);
  assertEquals((await folder.send("DELETE", "/z/")).status, 204);
  assertEquals(folder.tree(), {});
});

Deno.test("documents get an origin of their own where others may upload", async () => {
  using folder = new UploadFolder();
  for (
    const [name, isActive] of [["a.html", true], ["a.svg", true], [
      "a.txt",
      false,
    ]] as const
  ) {
    await folder.send("PUT", `/${name}`, { body: "<p>" });
    const policy = (await folder.send("GET", `/${name}`)).header(
      "content-security-policy",
    );
    if (!isActive) assertEquals(policy, null);
    else assertMatch(policy!, /^sandbox (?!.*same-origin)/);
  }
  await folder.send("PUT", "/404.html", { body: "<p>" });
  const missing = await folder.send("GET", "/missing");
  assertEquals(missing.status, 404);
  assertMatch(missing.header("content-security-policy")!, /^sandbox /);
  using other = new UploadFolder({});
  Deno.writeTextFileSync(`${other.path}/a.html`, "<p>");
  const { header } = await other.send("GET", "/a.html");
  assertEquals(header("content-security-policy"), null);
});

Deno.test("a listing has the forms that are allowed, and no others", async () => {
  using folder = new UploadFolder({ upload: true });
  const page = await folder.send("GET", "/");
  assertStringIncludes(page.text, 'type="file"');
  assert(!page.text.includes('value="mkdir"'));
  assertStringIncludes(page.header("content-security-policy")!, "connect-src");
  using other = new UploadFolder({});
  const plain = await other.send("GET", "/");
  assert(!plain.text.includes('type="file"'));
  assert(!plain.header("content-security-policy")!.includes("connect-src"));
});

Deno.test("uploads that are broken off anywhere leave nothing behind", async () => {
  using folder = new UploadFolder();
  const { app } = folder;
  const request = form(["one.txt", "1".repeat(300)], [
    "two.txt",
    "2".repeat(300),
  ]);
  const whole = new TextEncoder().encode(request.body);
  for (let cut = 0; cut < 500; cut++) {
    const isForm = cut % 2 === 0;
    const events: ReceiveEvent[] = [
      { type: "http.request", body: whole.subarray(0, cut % 350), more: 1 },
      { type: "http.disconnect" },
    ];
    const scope = requestScope({
      method: isForm ? "POST" : "PUT",
      target: isForm ? "/" : "/put.txt",
      headers: isForm ? request.headers : {},
    }) as HttpScope;
    await app(
      scope,
      () => Promise.resolve(events.shift() ?? { type: "http.disconnect" }),
      () => Promise.reject(new Error("Nobody is there to be answered.")),
    );
    assertEquals(folder.tree(), {});
  }
});

Deno.test("an upload may be larger than --max-body-size, other bodies may not", async () => {
  using folder = new UploadFolder();
  const body = "x".repeat(5000);
  await withServer(folder.app, { maxBodySize: 1000 }, async ({ url }) => {
    const status = async (method: string, path: string, init = {}) => {
      const answer = await fetch(url + path, { method, body, ...init });
      await answer.body?.cancel();
      return answer.status;
    };
    assertEquals(await status("PUT", "/a"), 201);
    const { headers } = fields({});
    assertEquals(await status("POST", "/", { headers }), 413);
    assertEquals(await status("MKCOL", "/b/"), 413);
  });
  assertEquals(folder.tree(), { a: body });
});

Deno.test("wrong options are refused with a sentence", () => {
  for (
    const options of [
      { uploadLimit: "many" },
      { uploadTypes: "txt files" },
      { overwrite: "2" },
      { overwrite: "1" },
      { uploadLimit: "1M", delete: true },
      { uploadTypes: ".txt", mkdir: true },
    ]
  ) {
    let message = "";
    try {
      new DirectoryApp({ root: ".", ...options } as never);
    } catch (error) {
      message = String(error);
    }
    assertMatch(message, /PAGI::App::Directory, option /);
  }
});
