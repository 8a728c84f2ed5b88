import { configureLog } from "../../../src/log/log.ts";
import { encodeSegment } from "../../../src/http/target.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../../src/std/assert.ts";
import { join } from "../../../src/std/path.ts";
import { asNobody, MODES_COUNT } from "../../helpers/as_nobody.ts";
import { byteName, NAMES_CAN_BE_BYTES } from "../../helpers/byte_names.ts";
import { HOSTILE_NAMES } from "../../helpers/hostile_tree.ts";
import { ALL, UploadFolder } from "../../helpers/upload_folder.ts";
import { DavState } from "../../../src/apps/webdav/dav_state.ts";
import { parseXml } from "../../../src/apps/webdav/xml.ts";

configureLog({ level: "error" });

const DRIVE = { ...ALL, overwrite: "1", webdav: true } as const;
const LOCKINFO =
  '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>me</owner></lockinfo>';

function hrefs(text: string): string[] {
  return [...text.matchAll(/<D:response><D:href>([^<]*)/g)].map(([, href]) =>
    href
  );
}

async function locked(
  folder: UploadFolder,
  target: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await folder.send("LOCK", target, { headers, body: LOCKINFO });
  assert(answer.status < 300, answer.text);
  return answer.header("lock-token")!;
}

Deno.test("a drive can only be read unless more is allowed", async () => {
  using folder = new UploadFolder({ webdav: true });
  Deno.writeTextFileSync(join(folder.path, "a"), "1");
  const options = await folder.send("OPTIONS", "/");
  assertEquals(
    [options.header("dav"), options.header("ms-author-via")],
    ["1", "DAV"],
  );
  assertEquals(
    (await folder.send("PROPFIND", "/", { headers: { depth: "1" } })).status,
    207,
  );
  for (
    const [method, status] of [
      ["PUT", 403],
      ["DELETE", 403],
      ["MKCOL", 403],
      ["MOVE", 403],
      ["LOCK", 405],
      ["PROPPATCH", 405],
      ["COPY", 405],
    ] as const
  ) {
    const headers = { destination: "/b" };
    const answer = await folder.send(method, "/a", { headers });
    assertEquals(answer.status, status, method);
  }
  assertEquals(folder.tree(), { a: "1" });
  const page = await folder.send("GET", "/");
  assert(!page.text.includes('<form class="upload"'));
});

Deno.test("a drive that takes files has locks", async () => {
  using folder = new UploadFolder(DRIVE);
  const { header } = await folder.send("OPTIONS", "/");
  assertEquals(header("dav"), "1, 2");
});

Deno.test("a folder lists what a listing shows, at addresses that work", async () => {
  using folder = new UploadFolder({ webdav: true });
  const names = HOSTILE_NAMES.filter((name) => !name.includes("\\"));
  for (const name of names) {
    Deno.writeTextFileSync(join(folder.path, name), name);
  }
  Deno.writeTextFileSync(join(folder.path, ".hidden"), "");
  Deno.symlinkSync("/", join(folder.path, "outside"));
  const { status, text } = await folder.send("PROPFIND", "/", {
    headers: { depth: "1" },
  });
  assertEquals(status, 207);
  parseXml(new TextEncoder().encode(text));
  assertEquals(
    hrefs(text).sort(),
    ["/", ...names.map((name) => `/${encodeSegment(name)}`)].sort(),
  );
  for (const href of hrefs(text).slice(1)) {
    assertEquals((await folder.send("GET", href)).status, 200, href);
  }
});

Deno.test({
  name: "names that are not UTF-8 have addresses too",
  ignore: !NAMES_CAN_BE_BYTES,
  async fn() {
    using folder = new UploadFolder({ webdav: true });
    byteName;
    const made = await new Deno.Command("sh", {
      args: ["-c", `printf x > "$(printf 'caf\\351')"`],
      cwd: folder.path,
    }).output();
    assert(made.success);
    const { text } = await folder.send("PROPFIND", "/", {
      headers: { depth: "1" },
    });
    assertEquals(hrefs(text), ["/", "/caf%E9"]);
  },
});

Deno.test("addresses are those of the mount", async () => {
  using folder = new UploadFolder({ webdav: true });
  Deno.mkdirSync(join(folder.path, "a b"));
  const { text } = await folder.send("PROPFIND", "/m/n", {
    rootPath: "/m/n",
    headers: { depth: "1" },
  });
  assertEquals(hrefs(text), ["/m/n/", "/m/n/a%20b/"]);
});

Deno.test("properties are given by name, all, or as names", async () => {
  using folder = new UploadFolder({ webdav: true });
  Deno.writeTextFileSync(join(folder.path, "a.txt"), "12345");
  Deno.utimeSync(join(folder.path, "a.txt"), 1e9, 1e9);
  const ask = async (inner: string) => {
    const { text } = await folder.send("PROPFIND", "/a.txt", {
      headers: { depth: "0" },
      body: `<propfind xmlns="DAV:">${inner}</propfind>`,
    });
    return text;
  };
  const some = await ask('<prop><getcontentlength/><x xmlns="y:"/></prop>');
  assertStringIncludes(some, "<D:getcontentlength>5</D:getcontentlength>");
  assertMatch(some, /<x xmlns="y:"><\/x><\/D:prop><D:status>HTTP\/1.1 404/);
  assert(!some.includes("displayname"));
  const all = await ask("<allprop/>");
  const etag = (await folder.send("HEAD", "/a.txt")).header("etag")!;
  assertStringIncludes(
    all,
    `<D:getetag>${etag.replaceAll('"', "&quot;")}</D:getetag>`,
  );
  assertStringIncludes(all, "Sun, 09 Sep 2001 01:46:40 GMT");
  assertStringIncludes(await ask("<propname/>"), "<D:getetag/>");
});

Deno.test("requests for whole trees and broken bodies are refused", async () => {
  using folder = new UploadFolder({ webdav: true });
  for (
    const [headers, body, status] of [
      [{}, "", 403],
      [{ depth: "infinity" }, "", 403],
      [{ depth: "1" }, "<propfind", 400],
      [{ depth: "1" }, "<x/>", 400],
      [{ depth: "1" }, '<propfind xmlns="DAV:"/>', 400],
      [{ depth: "1" }, `<a>${" ".repeat(70_000)}</a>`, 413],
    ] as const
  ) {
    const answer = await folder.send("PROPFIND", "/", { headers, body });
    assertEquals(answer.status, status, body.slice(0, 50));
    if (status === 403) assertStringIncludes(answer.text, "finite-depth");
  }
  const headers = { depth: "1" };
  for (const [target, status] of [["/none", 404], ["/..%2f", 403]] as const) {
    const answer = await folder.send("PROPFIND", target, { headers });
    assertEquals(answer.status, status);
  }
});

Deno.test("a form changes nothing that is locked, and what it deletes is forgotten", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  await folder.send("MKCOL", "/sub");
  await folder.send("PUT", "/sub/b", { body: "1" });
  const token = await locked(folder, "/a", { depth: "0" });
  await locked(folder, "/sub/b", { depth: "0" });
  const form = (text: string) =>
    folder.send("POST", "/", {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: text,
    });
  const file = folder.send("POST", "/", {
    headers: { "content-type": "multipart/form-data; boundary=x" },
    body:
      '--x\r\ncontent-disposition: form-data; name="f"; filename="a"\r\n\r\n2\r\n--x--\r\n',
  });
  assertEquals((await file).status, 423);
  for (
    const text of [
      "action=delete&name=a",
      "action=rename&name=a&to=c",
      "action=rename&name=sub&to=c",
      "action=delete&name=sub",
    ]
  ) assertEquals((await form(text)).status, 423, text);
  assertEquals(Deno.readTextFileSync(join(folder.path, "a")), "1");
  await folder.send("UNLOCK", "/a", { headers: { "lock-token": token } });
  assertEquals((await form("action=delete&name=a")).status, 200);
  await folder.send("PUT", "/a", { body: "new" });
  await locked(folder, "/a", { depth: "0" });
});

Deno.test("what is locked is changed only with the token", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  const token = await locked(folder, "/a", { depth: "0" });
  const moved = { destination: "/b" };
  for (
    const [method, headers] of [
      ["PUT", {}],
      ["DELETE", {}],
      ["MOVE", moved],
      ["PROPPATCH", {}],
    ] as const
  ) {
    const answer = await folder.send(method, "/a", { headers, body: "2" });
    assertEquals(answer.status, 423, method);
    assertStringIncludes(answer.text, "lock-token-submitted");
  }
  const again = await folder.send("LOCK", "/a", { body: LOCKINFO });
  assertEquals(again.status, 423);
  const put = await folder.send("PUT", "/a", {
    headers: { if: `(${token})` },
    body: "2",
  });
  assertEquals(put.status, 204);
  const wrong = { "lock-token": "<urn:uuid:other>" };
  assertEquals(
    (await folder.send("UNLOCK", "/a", { headers: wrong })).status,
    409,
  );
  const right = { "lock-token": token };
  assertEquals(
    (await folder.send("UNLOCK", "/a", { headers: right })).status,
    204,
  );
  assertEquals((await folder.send("DELETE", "/a")).status, 204);
});

Deno.test("addresses in header fields are of this server however its name is written", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  const token = await locked(folder, "/a", { depth: "0" });
  for (const host of ["EXAMPLE:80", "example", "Example:80"]) {
    const lists = `<http://example/a> (${token})`;
    const headers = { host, if: lists };
    const put = await folder.send("PUT", "/a", { headers, body: "2" });
    assertEquals(put.status, 204, host);
  }
  const headers = { host: "other", if: `<http://example/a> (${token})` };
  const put = await folder.send("PUT", "/a", { headers, body: "3" });
  assertEquals(put.status, 412);
});

Deno.test({
  name: "a folder that may not be read is refused before an answer begins",
  ignore: !MODES_COUNT,
  async fn() {
    using folder = new UploadFolder({ webdav: true });
    const closed = join(folder.path, "closed");
    Deno.mkdirSync(closed);
    Deno.chmodSync(closed, 0o111);
    const answer = await asNobody(() =>
      folder.send("PROPFIND", "/closed/", { headers: { depth: "1" } })
    );
    Deno.chmodSync(closed, 0o755); // so that it can be removed
    assertEquals(answer.status, 403);
  },
});

Deno.test("a lock on a folder covers what is in it, and what is added", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("MKCOL", "/d/");
  await folder.send("PUT", "/d/a", { body: "1" });
  const token = await locked(folder, "/d/");
  const tagged = { if: `</d/> (${token})` };
  for (const target of ["/d/a", "/d/new", "/d/deep"]) {
    const put = await folder.send("PUT", target, { body: "2" });
    assertEquals(put.status, 423, target);
  }
  const copy = { destination: "/d/copy" };
  await folder.send("PUT", "/x", { body: "x" });
  assertEquals(
    (await folder.send("COPY", "/x", { headers: copy })).status,
    423,
  );
  const headers = { ...copy, ...tagged };
  assertEquals((await folder.send("COPY", "/x", { headers })).status, 201);
  assertEquals(
    (await folder.send("PUT", "/d/new", { headers: tagged, body: "2" })).status,
    201,
  );
  assertEquals(
    (await folder.send("PUT", "/dd", { body: "beside" })).status,
    201,
  );
});

Deno.test("an if field without a tag is about the source of a copy", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  await folder.send("PUT", "/b", { body: "2" });
  const ofSource = await locked(folder, "/a", { depth: "0" });
  const ofTarget = await locked(folder, "/b", { depth: "0" });
  const copy = (lists: string) =>
    folder.send("COPY", "/a", { headers: { destination: "/b", if: lists } });
  assertEquals((await copy(`(${ofTarget})`)).status, 412);
  assertEquals((await copy(`(${ofSource})`)).status, 423);
  assertEquals((await copy(`(${ofSource}) </b> (${ofTarget})`)).status, 204);
});

Deno.test("a listing reads only the properties of its own entries", async () => {
  using folder = new UploadFolder(DRIVE);
  for (const target of ["/a/", "/a/b/", "/a/b/c/"]) {
    await folder.send("MKCOL", target);
    await folder.send("PROPPATCH", target, setting(["k"]));
  }
  const state = new DavState(folder.path);
  const paths = (path: string, depth: 0 | 1) =>
    state.properties(path, depth).map((property) => property.path);
  assertEquals(paths("", 1), ["a"]);
  assertEquals(paths("a", 0), ["a"]);
  assertEquals(paths("a", 1), ["a", "a/b"]);
});

Deno.test("two apps on one folder share its locks, as workers do", async () => {
  using folder = new UploadFolder(DRIVE);
  const { DirectoryApp } = await import("../../../src/apps/directory.ts");
  const { runApp } = await import("../../helpers/run_app.ts");
  await folder.send("PUT", "/a", { body: "1" });
  await locked(folder, "/a");
  const other = new DirectoryApp({ root: folder.path, ...DRIVE }).toApp();
  const put = await runApp(other, { method: "PUT", target: "/a", body: "2" });
  assertEquals(put.status, 423);
});

Deno.test("properties that clients set are kept, copied and moved", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  const patch = (inner: string) =>
    folder.send("PROPPATCH", "/a", {
      body:
        `<propertyupdate xmlns="DAV:" xmlns:z="urn:schemas-microsoft-com:">${inner}</propertyupdate>`,
    });
  const set = await patch(
    "<set><prop><z:Win32LastModifiedTime>Sun, 09 Sep 2001 01:46:40 GMT</z:Win32LastModifiedTime></prop></set>",
  );
  assertStringIncludes(set.text, "200 OK");
  assertEquals(Deno.statSync(join(folder.path, "a")).mtime?.getTime(), 1e12);
  const refused = await patch(
    '<set><prop><getetag>x</getetag><k xmlns="">v</k></prop></set>',
  );
  assertMatch(refused.text, /403 Forbidden[^]*424 Failed Dependency/);
  await folder.send("MOVE", "/a", { headers: { destination: "/b" } });
  await folder.send("COPY", "/b", { headers: { destination: "/c" } });
  for (const [target, has] of [["/b", true], ["/c", true]] as const) {
    const { text } = await folder.send("PROPFIND", target, {
      headers: { depth: "0" },
    });
    assertEquals(text.includes("Win32LastModifiedTime"), has, target);
  }
});

/** The names of the properties that clients have set on `target`. */
async function deadProperties(
  folder: UploadFolder,
  target: string,
): Promise<string[]> {
  const headers = { depth: "0" };
  const { text } = await folder.send("PROPFIND", target, { headers });
  return [...text.matchAll(/<(\w+) xmlns="urn:x">/g)].map(([, name]) => name);
}

function setting(names: readonly string[]): { body: string } {
  const properties = names.map((name) => `<x:${name}>v</x:${name}>`).join("");
  return {
    body:
      `<propertyupdate xmlns="DAV:" xmlns:x="urn:x"><set><prop>${properties}</prop></set></propertyupdate>`,
  };
}

Deno.test("a copy of depth 0 has the properties of the folder alone", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("MKCOL", "/a");
  await folder.send("PUT", "/a/in", { body: "1" });
  await folder.send("PROPPATCH", "/a", setting(["outer"]));
  await folder.send("PROPPATCH", "/a/in", setting(["inner"]));
  const headers = { destination: "/b", depth: "0" };
  await folder.send("COPY", "/a", { headers });
  await folder.send("PUT", "/b/in", { body: "another file" });
  assertEquals(await deadProperties(folder, "/b"), ["outer"]);
  assertEquals(await deadProperties(folder, "/b/in"), []);
  assertEquals(await deadProperties(folder, "/a/in"), ["inner"]);
});

Deno.test("a folder that takes the place of another leaves nothing of it", async () => {
  using folder = new UploadFolder(DRIVE);
  for (const name of ["a", "b", "c"]) await folder.send("MKCOL", `/${name}`);
  for (const target of ["/a/new", "/b/old", "/file"]) {
    await folder.send("PUT", target, { body: target });
  }
  const to = (destination: string) => ({ headers: { destination } });
  assertEquals((await folder.send("MOVE", "/a", to("/b"))).status, 204);
  assertEquals((await folder.send("COPY", "/b", to("/c"))).status, 204);
  assertEquals((await folder.send("MOVE", "/b", to("/file"))).status, 204);
  assertEquals(folder.tree(), {
    c: null,
    "c/new": "/a/new",
    file: null,
    "file/new": "/a/new",
  });
});

Deno.test("all properties of a PROPPATCH or a COPY are set, or none", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("PUT", "/a", { body: "1" });
  const state = new DavState(folder.path);
  const values = Array.from({ length: 19_999 }, (_, i) => ({
    space: "urn:y",
    name: `p${i}`,
    value: "v",
  }));
  state.changeProperties("elsewhere", values, () => {});
  const full = await folder.send("PROPPATCH", "/a", setting(["k", "l"]));
  assertEquals(full.status, 507);
  assertEquals(await deadProperties(folder, "/a"), []);
  const last = await folder.send("PROPPATCH", "/a", setting(["k"]));
  assertEquals(last.status, 207);
  const headers = { destination: "/copy" };
  assertEquals((await folder.send("COPY", "/a", { headers })).status, 507);
  assertEquals(folder.tree(), { a: "1" });
  state.forget("elsewhere");
  // The time cannot be set where nothing is: nothing else is set either.
  try {
    state.changeProperties("a", values, () => {
      throw new Error("the time is not set");
    });
  } catch {
    assertEquals(await deadProperties(folder, "/a"), ["k"]);
  }
});

Deno.test("a listing shows which locks cover each entry", async () => {
  using folder = new UploadFolder(DRIVE);
  await folder.send("MKCOL", "/a");
  await folder.send("MKCOL", "/a/sub");
  for (const name of ["x", "sub/y", "z"]) {
    await folder.send("PUT", `/a/${name}`, { body: "1" });
  }
  await locked(folder, "/a/x", { depth: "0" });
  await locked(folder, "/a/sub", { depth: "infinity" });
  const locksIn = async (target: string) => {
    const headers = { depth: "1" };
    const { text } = await folder.send("PROPFIND", target, { headers });
    const responses = text.split("<D:response>").slice(1);
    return Object.fromEntries(responses.map((response) => [
      /<D:href>([^<]*)/.exec(response)![1],
      response.split("<D:activelock>").length - 1,
    ]));
  };
  assertEquals(await locksIn("/a"), {
    "/a/": 0,
    "/a/x": 1,
    "/a/sub/": 1,
    "/a/z": 0,
  });
  assertEquals(await locksIn("/a/sub"), { "/a/sub/": 1, "/a/sub/y": 1 });
});

Deno.test("folders are copied whole, without what is hidden or outside", async () => {
  using folder = new UploadFolder(DRIVE);
  Deno.writeTextFileSync(join(folder.path, "..", "secret"), "secret");
  await folder.send("MKCOL", "/d/");
  await folder.send("MKCOL", "/d/e/");
  await folder.send("PUT", "/d/e/f", { body: "1" });
  Deno.writeTextFileSync(join(folder.path, "d", ".hidden"), "");
  Deno.symlinkSync("../../secret", join(folder.path, "d", "link"));
  Deno.symlinkSync("..", join(folder.path, "d", "loop"));
  const copy = (headers: Record<string, string>) =>
    folder.send("COPY", "/d/", { headers });
  assertEquals((await copy({ destination: "/c/" })).status, 201);
  assertEquals((await copy({ destination: "/flat/", depth: "0" })).status, 201);
  assertEquals((await copy({ destination: "/d/e/g/" })).status, 409);
  assertEquals(
    (await copy({ destination: "/c/", overwrite: "F" })).status,
    412,
  );
  assertEquals((await copy({ destination: "/c/" })).status, 204);
  assertEquals((await copy({ destination: "/no/c/" })).status, 409);
  const tree = folder.tree();
  assertEquals(
    Object.keys(tree).filter((path) => !path.startsWith("d")).sort(),
    ["c", "c/e", "c/e/f", "flat"],
  );
});

Deno.test("pages of other sites can neither lock nor copy", async () => {
  using folder = new UploadFolder(DRIVE);
  for (const method of ["LOCK", "COPY", "PROPPATCH", "UNLOCK", "DELETE"]) {
    const headers = { host: "me", origin: "http://evil.example" };
    assertEquals((await folder.send(method, "/a", { headers })).status, 403);
  }
});
