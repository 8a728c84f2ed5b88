/**
 * The same requests on the same tree, to nginx and to us. Every difference
 * stands in nginx_differences.md, with its reason; nothing else stands there.
 */

import { gzipSync } from "node:zlib";
import { DirectoryApp } from "../../src/apps/directory.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { fromFileUrl, join } from "../../src/std/path.ts";
import { hostileTree, SECRET } from "../helpers/hostile_tree.ts";
import { NGINX, Nginx } from "../helpers/nginx.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

const TABLE = fromFileUrl(new URL("nginx_differences.md", import.meta.url));
const LAST_MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT";

/** Request line without its version, then fields. */
type Request = readonly [line: string, ...fields: string[]];

const REQUESTS: readonly Request[] = [
  ["GET /hello.txt"],
  ["HEAD /hello.txt"],
  ["POST /hello.txt"],
  ["PUT /hello.txt"],
  ["OPTIONS /hello.txt"],
  ["GET /hello.txt?query"],
  ["GET /missing"],
  ["GET /hello.txt/"],
  ["GET /hello.txt", "range: bytes=0-1"],
  ["GET /hello.txt", "range: bytes=-2"],
  ["GET /hello.txt", "range: bytes=2-"],
  ["GET /hello.txt", "range: bytes=3-99"],
  ["GET /hello.txt", "range: bytes=5-"],
  ["GET /hello.txt", "range: bytes=-0"],
  ["GET /long.txt", "range: bytes=0-0,5000-5001"],
  ["GET /hello.txt", "range: pages=1"],
  ["GET /hello.txt", "range: bytes=3-1"],
  ["HEAD /hello.txt", "range: bytes=0-1"],
  ["GET /hello.txt", `if-modified-since: ${LAST_MODIFIED}`],
  ["GET /hello.txt", "if-modified-since: Sun, 09 Sep 2001 01:46:39 GMT"],
  ["GET /hello.txt", "if-modified-since: Sun, 09 Sep 2001 01:46:41 GMT"],
  ["GET /hello.txt", "if-modified-since: junk"],
  ["GET /hello.txt", "if-unmodified-since: Sun, 09 Sep 2001 01:46:39 GMT"],
  ["GET /hello.txt", "if-none-match: *"],
  ["GET /hello.txt", 'if-none-match: "x"'],
  ["GET /hello.txt", 'if-match: "x"'],
  ["GET /hello.txt", "range: bytes=0-1", `if-range: ${LAST_MODIFIED}`],
  ["GET /hello.txt", "range: bytes=0-1", 'if-range: "x"'],
  ["GET /indexed"],
  ["GET /indexed?a=b"],
  ["GET /indexed/"],
  ["GET /sub//b.txt"],
  ["GET /sub/./b.txt"],
  ["GET /sub/../hello.txt"],
  ["GET /./hello.txt"],
  ["GET /%2e/sub/%2E/b.txt"],
  ["GET /missing/../hello.txt"],
  ["GET /indexed/./"],
  ["GET /sub/%2e%2e/hello.txt"],
  ["GET /../secret.txt"],
  ["GET /..%2fsecret.txt"],
  ["GET /%5c..%5csecret.txt"],
  ["GET /hello.txt%00"],
  ["GET /.hidden"],
  ["GET /.git/config"],
  ["GET /links/inside.txt"],
  ["GET /links/outside.txt"],
  ["GET /links/broken.txt"],
  ["GET /names/caf%C3%A9.txt"],
  ["GET /long.txt", "accept-encoding: gzip"],
  ["GET /long.txt", "accept-encoding: gzip;q=0"],
  ["GET /long.txt", "accept-encoding: gzip", "range: bytes=0-3"],
  ["GET /app.js", "accept-encoding: gzip"],
  ["GET /app.js"],
];

/** What of a response is compared; of errors the status and what explains it. */
const FIELDS = [
  "content-type",
  "content-length",
  "content-encoding",
  "vary",
  "last-modified",
  "accept-ranges",
  "x-content-type-options",
];
/** What differs for one reason, whatever the request. */
const EXPLAINED_ONCE = [
  "accept-ranges",
  "allow",
  "vary",
  "x-content-type-options",
];
const ALWAYS = ["location", "content-range", "allow"];

/** What a server answers to a request, by what is compared. */
async function answer(
  connection: RawConnection,
  [line, ...fields]: Request,
): Promise<Record<string, string>> {
  await connection.request(line, "connection: close", ...fields);
  const text = await connection.rest();
  connection.close();
  const end = text.indexOf("\r\n\r\n");
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const found = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  const status = first.split(" ")[1];
  const isWhole = status === "200" || status === "206";
  const seen: Record<string, string> = { status };
  for (const name of isWhole ? [...FIELDS, ...ALWAYS] : ALWAYS) {
    let value = found.get(name) ?? "none";
    if (name === "location") value = value.replace(/^http:\/\/[^/]+/, "");
    seen[name] = value.toLowerCase().replace(/boundary=.*/, "boundary=…");
  }
  const tag = found.get("etag");
  if (isWhole || status === "304") {
    seen.etag = tag === undefined ? "none" : tag[0] === '"' ? "strong" : "weak";
  }
  const body = text.slice(end + 4);
  // What was compressed just now is not the same from every compressor.
  const compressed = body.startsWith("\x1f\x8b");
  if (compressed && found.has("content-length")) {
    seen["content-length"] = "known";
  }
  if (
    isWhole && !found.has("transfer-encoding") && !compressed &&
    status !== "206"
  ) {
    seen.body = body.slice(0, 40).trim();
  }
  if (body.includes(SECRET)) seen.body = SECRET;
  return seen;
}

/** What makes nginx do the same job. */
const SETTINGS = `
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  charset_types text/plain text/css application/javascript application/json;
  gzip on;
  gzip_vary on;
  gzip_min_length 1024;
  gzip_types text/plain application/javascript;
  gzip_static on;
  index index.html index.htm;
  autoindex on;
`;

/** The rows of the table: the first four columns, `code` without its marks. */
async function listed(): Promise<Set<string>> {
  const rows = new Set<string>();
  for (const line of (await Deno.readTextFile(TABLE)).split("\n")) {
    const cells = line.split(/(?<!\\)\|/).slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"));
    if (cells.length !== 5 || /^(-+|request)$/.test(cells[0])) continue;
    rows.add(cells.slice(0, 4).join(" | "));
  }
  return rows;
}

Deno.test(
  `files are served as nginx does, but for what nginx_differences.md explains${
    NGINX === null ? " (skipped: there is no nginx)" : ""
  }`,
  { ignore: NGINX === null },
  async () => {
    using tree = hostileTree();
    Deno.writeTextFileSync(join(tree.root, "long.txt"), "long ".repeat(2000));
    Deno.writeTextFileSync(join(tree.root, "app.js"), "plain");
    Deno.writeFileSync(join(tree.root, "app.js.gz"), gzipSync("plain"));
    // What changed a moment ago has a weak tag.
    for (
      const name of [
        ...["hello.txt", "long.txt", "app.js", "app.js.gz"],
        ...["indexed/index.html", "sub/b.txt"],
      ]
    ) {
      Deno.utimeSync(join(tree.root, name), 1e9, 1e9);
    }
    await using nginx = await Nginx.start(`${SETTINGS} root "${tree.root}";`);
    const observed: string[] = [];
    const app = new DirectoryApp({ root: tree.root }).toApp();
    await withServer(app, {}, async ({ connect }) => {
      for (const request of REQUESTS) {
        const ours = await answer(await connect(), request);
        const theirs = await answer(await nginx.connect(), request);
        const [line, ...fields] = request;
        const name = [line, ...fields].join(", ");
        assertEquals(ours.body === SECRET, false, name);
        const differ = (key: string) =>
          (ours[key] ?? "none") !== (theirs[key] ?? "none");
        // Where the statuses differ, the rest must.
        for (
          const key of differ("status")
            ? ["status"]
            : Object.keys({ ...ours, ...theirs }).filter(differ)
        ) {
          const where = EXPLAINED_ONCE.includes(key) ? "all" : name;
          observed.push(
            [where, key, ours[key] ?? "none", theirs[key] ?? "none"].join(
              " | ",
            ),
          );
        }
      }
    });
    assertEquals([...new Set(observed)].sort(), [...await listed()].sort());
  },
);
