/**
 * The scenarios in which files are served.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { answer } from "./answers.ts";
import {
  AT_HAND,
  bundled,
  bunFetch,
  caddy,
  type Contender,
  lighttpd,
  limit,
  nginx,
} from "./contenders.ts";
import { besideListing, client, h2load, http, wrk } from "./load.ts";
import type { RunningServer } from "./running_server.ts";
import type { Scenario } from "./run_scenario.ts";

const ROOT = "root SITE;";
const AUTOINDEX = `${ROOT} autoindex on;`;
const FILE_SERVER = "root * SITE\n  file_server";
const GZIP: [string, string] = ["accept-encoding", "gzip"];
const TLS = { tls: true };

/** Ours with the site's files, or its listings. */
function site(app: "File" | "Directory", ...args: string[]): Contender {
  return bundled(
    `PAGI::App::${app}`,
    ({ site }) => [`root=${site}`, ...args],
  );
}

function file(name: string, size: number, more: Contender[] = []): Pick<
  Scenario,
  "contenders" | "ask" | "prepare"
> {
  return {
    contenders: [
      site("File"),
      nginx(ROOT),
      caddy(FILE_SERVER),
      lighttpd(),
      bunFetch("reply", { file: name }),
      limit("file", { file: name }),
      ...more,
    ],
    ask: { path: `/${name}`, fields: ["content-type", "content-length"] },
    prepare: (workplace) => workplace.serve(name, size),
  };
}

async function validators(server: RunningServer): Promise<[string, string][]> {
  const { response } = await answer(server, { path: "/1k.pdf" });
  return [
    ["if-none-match", response.headers.get("etag") ?? ""],
    ["if-modified-since", response.headers.get("last-modified") ?? ""],
  ];
}

/** In the order of the results. */
export const FILE_SCENARIOS: readonly Scenario[] = [
  {
    name: "file-1k",
    title: "1 KB file",
    unit: "requests",
    ...file("1k.pdf", 1024, [limit("hand", { name: AT_HAND, file: "1k.pdf" })]),
    load: http("GET /1k.pdf HTTP/1.1\r\n\r\n"),
  },
  {
    name: "file-100k",
    title: "100 KB file",
    unit: "requests",
    ...file("100k.pdf", 102_400),
    maxRounds: 2,
    load: wrk({ path: "/100k.pdf" }),
  },
  {
    name: "file-200m",
    title: "200 MB file",
    unit: "MB",
    ...file("200m.pdf", 200_000_000),
    load: client("download_client.ts", (servers) => [servers, "/200m.pdf", 4]),
  },
  {
    name: "file-http2",
    title: "1 KB file, HTTP/2 over TLS",
    unit: "requests",
    contenders: [
      bundled("PAGI::App::File", ({ site }) => [`root=${site}`], {
        options: ({ certificate, key }) => [
          ...["--ssl-cert", certificate, "--ssl-key", key],
        ],
      }),
      nginx(ROOT, TLS),
      caddy(FILE_SERVER, TLS),
      limit("file", { file: "1k.pdf", ...TLS }),
    ],
    ask: {
      path: "/1k.pdf",
      scheme: "https",
      fields: ["content-type", "content-length"],
    },
    prepare: (workplace) => workplace.serve("1k.pdf", 1024),
    load: h2load("/1k.pdf"),
  },
  {
    name: "not-modified",
    title: "304 for a 1 KB file",
    unit: "requests",
    contenders: [
      site("File"),
      nginx(ROOT),
      caddy(FILE_SERVER),
      lighttpd(),
      limit("file", { file: "1k.pdf" }),
    ],
    ask: { path: "/1k.pdf", headers: validators, status: 304, fields: [] },
    prepare: (workplace) => workplace.serve("1k.pdf", 1024),
    load: wrk({ path: "/1k.pdf", headers: validators }),
  },
  {
    name: "gzip",
    title: "20 KB of text, compressed with gzip and kept so",
    unit: "requests",
    contenders: [
      site("File", "precompressed=0"),
      nginx(`${ROOT} gzip_static on; default_type text/plain;`),
      limit("file", { file: "text.txt.gz" }),
    ],
    ask: {
      path: "/text.txt",
      headers: () => Promise.resolve([GZIP]),
      fields: ["content-encoding"],
      anyBody: true,
    },
    prepare(workplace) {
      const text = Array.from(
        { length: 2000 },
        (_, line) => `${line * 7919 % 1000} lines of text\n`,
      ).join("").slice(0, 20_000);
      workplace.serveBytes("text.txt", new TextEncoder().encode(text));
      workplace.serveBytes("text.txt.gz", gzipSync(text));
    },
    load: http(`GET /text.txt HTTP/1.1\r\n${GZIP.join(": ")}\r\n\r\n`),
  },
  {
    name: "listing",
    title: "Listing of 1,000 files",
    unit: "requests",
    contenders: [
      site("Directory"),
      nginx(AUTOINDEX),
      caddy(`${FILE_SERVER} browse`),
      lighttpd(
        `server.modules = ( "mod_dirlisting" )\ndir-listing.activate = "enable"`,
      ),
      limit("listing", { folder: "many" }),
    ],
    ask: { path: "/many/", fields: [], anyBody: true },
    prepare(workplace) {
      workplace.fill("many", 1000);
    },
    // More at a time would not be answered within a short turn.
    load: wrk({ path: "/many/", connections: 4 }),
  },
  {
    name: "listing-others",
    title:
      "1 KB file at 1,000 requests per second, beside listings of 50,000 files",
    unit: "requests",
    fixedRate: 1000,
    contenders: [
      site("Directory"),
      nginx(AUTOINDEX),
      limit("listing", { file: "1k.pdf" }),
    ],
    maxRounds: 3,
    ask: { path: "/1k.pdf", fields: [] },
    prepare(workplace) {
      workplace.serve("1k.pdf", 1024);
      workplace.fill("large", 50_000);
    },
    load: besideListing(1000, "GET /1k.pdf HTTP/1.1\r\n\r\n", "large"),
  },
];
