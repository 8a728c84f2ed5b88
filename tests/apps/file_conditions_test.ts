import { FileApp } from "../../src/apps/file.ts";
import { assertEquals, assertMatch } from "../../src/std/assert.ts";
import { join } from "../../src/std/path.ts";
import { hostileTree } from "../helpers/hostile_tree.ts";
import { runApp } from "../helpers/run_app.ts";
import type { AppResponse } from "../helpers/run_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const target = "/ten.txt";

/** Requests a file of ten digits, an hour old, with `headers`. */
async function get(
  headers: Record<string, string>,
  options: Record<string, unknown> = {},
  method = "GET",
): Promise<AppResponse> {
  const root = tempFolder();
  try {
    const path = join(root, "ten.txt");
    Deno.writeTextFileSync(path, "0123456789");
    Deno.utimeSync(path, 1e9, 1e9);
    const app = new FileApp({ root, ...options }).toApp();
    return await runApp(app, { target, headers, method });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const DATE = "Sun, 09 Sep 2001 01:46:40 GMT";
const TAG = (await get({})).header("etag")!;

Deno.test("bytes=0-4 gets 206 and five bytes (PAGI.md 110)", async () => {
  const response = await get({ range: "bytes=0-4" });
  assertEquals([response.status, response.text], [206, "01234"]);
  assertEquals(response.header("content-range"), "bytes 0-4/10");
  assertEquals(response.header("content-length"), "5");
  assertEquals(response.header("etag"), TAG);
});

Deno.test("ranges are clipped, and may count from the end (PAGI.md 110)", async () => {
  assertEquals((await get({ range: "bytes=7-99" })).text, "789");
  assertEquals((await get({ range: "bytes=-2" })).text, "89");
  assertEquals((await get({ range: "bytes=-99" })).text, "0123456789");
});

Deno.test("an unsatisfiable range gets 416 and the size (PAGI.md 110)", async () => {
  for (const range of ["bytes=10-", "bytes=99-100", "bytes=-0"]) {
    const response = await get({ range });
    assertEquals(response.status, 416);
    assertEquals(response.header("content-range"), "bytes */10");
    assertEquals(response.text, "Range Not Satisfiable");
  }
});

Deno.test("ranges that touch are sent as one, and junk gets the whole file", async () => {
  assertEquals((await get({ range: "bytes=0-1,4-5" })).text, "012345");
  for (const range of ["bytes=x", "pages=1-2", "bytes=5-2"]) {
    const response = await get({ range });
    assertEquals([response.status, response.text], [200, "0123456789"]);
    assertEquals(response.header("content-range"), null);
  }
});

Deno.test("HEAD has no ranges (RFC 9110, 14.2)", async () => {
  const response = await get({ range: "bytes=0-4" }, {}, "HEAD");
  assertEquals(response.status, 200);
  assertEquals(response.header("content-length"), "10");
});

Deno.test("handle_ranges=0 serves whole files and does not offer ranges", async () => {
  const response = await get({ range: "bytes=0-4" }, { handle_ranges: "0" });
  assertEquals([response.status, response.text], [200, "0123456789"]);
  assertEquals(response.header("accept-ranges"), null);
});

Deno.test("a matching if-none-match gets 304 without a body (PAGI.md 111)", async () => {
  for (const value of [TAG, `W/${TAG}`, `"x", ${TAG}`, "*"]) {
    const response = await get({ "if-none-match": value });
    assertEquals([response.status, response.text], [304, ""]);
    assertEquals(response.headers, [
      ["etag", TAG],
      ["last-modified", DATE],
      ["vary", "accept-encoding"],
    ]);
  }
  assertEquals((await get({ "if-none-match": '"x"' })).status, 200);
  assertEquals(
    (await get({ "if-none-match": TAG, range: "bytes=0-4" })).status,
    304,
  );
  assertEquals((await get({ "if-none-match": TAG }, {}, "HEAD")).status, 304);
});

Deno.test("an unmodified file gets 304, a failed precondition 412", async () => {
  assertEquals((await get({ "if-modified-since": DATE })).status, 304);
  assertEquals((await get({ "if-match": '"x"' })).status, 412);
  assertEquals((await get({ "if-match": TAG })).status, 200);
  const before = "Sun, 09 Sep 2001 01:46:39 GMT";
  const response = await get({ "if-unmodified-since": before });
  assertEquals([response.status, response.text], [412, "Precondition Failed"]);
});

Deno.test("if-range gives the part of the same version, else the whole", async () => {
  const range = "bytes=0-4";
  assertEquals((await get({ range, "if-range": TAG })).status, 206);
  assertEquals((await get({ range, "if-range": DATE })).status, 206);
  assertEquals((await get({ range, "if-range": '"x"' })).status, 200);
  assertEquals((await get({ range, "if-range": `W/${TAG}` })).status, 200);
  const past = { range: "bytes=99-", "if-range": '"x"' };
  assertEquals((await get(past)).status, 200);
});

Deno.test("a file that was just written has a weak tag that still matches", async () => {
  const root = tempFolder();
  try {
    const app = new FileApp({ root }).toApp();
    // Between the write and the request there may be a pause: try again.
    for (let tries = 0; tries < 100; tries++) {
      Deno.writeTextFileSync(join(root, "new.txt"), `${tries}`);
      const first = await runApp(app, { target: "/new.txt" });
      const etag = first.header("etag")!;
      if (!etag.startsWith("W/")) continue;
      const second = await runApp(app, {
        target: "/new.txt",
        headers: { "if-none-match": etag },
      });
      return assertEquals(second.status, 304);
    }
    assertMatch("never weak", /weak/);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("a change shows where times tell nothing, of files of all sizes", async () => {
  using tree = hostileTree();
  const future = Date.now() / 1000 + 86_400;
  for (const time of [0, 1, 315532800, 499162500, future]) {
    for (const size of [100, 300_000]) {
      const path = join(tree.root, "nix.txt");
      const write = (character: string) => {
        // As a deployment does: another file in its place.
        Deno.writeTextFileSync(`${path}.new`, character.repeat(size));
        Deno.utimeSync(`${path}.new`, time, time);
        Deno.renameSync(`${path}.new`, path);
      };
      const app = new FileApp({ root: tree.root }).toApp();
      const get = (headers: Record<string, string> = {}) =>
        runApp(app, { target: "/nix.txt", headers });
      write("a");
      const first = await get();
      const tag = first.header("etag")!;
      const date = first.header("last-modified");
      assertEquals(date === null, time !== future, `${time}`);
      assertEquals((await get({ "if-none-match": tag })).status, 304);
      const asked = [
        { "if-none-match": tag },
        { "if-modified-since": date ?? "Thu, 01 Jan 1970 00:00:01 GMT" },
        { "if-modified-since": new Date().toUTCString() },
        { range: "bytes=10-19", "if-range": tag },
        {
          range: "bytes=10-19",
          "if-range": date ?? "Thu, 01 Jan 1970 00:00:01 GMT",
        },
      ] as Record<string, string>[];
      write("b");
      for (const headers of asked) {
        const { status, text } = await get(headers);
        assertEquals([status, text.length, text[0]], [200, size, "b"]);
      }
      assertEquals((await get({ "if-match": tag })).status, 412);
    }
  }
});
