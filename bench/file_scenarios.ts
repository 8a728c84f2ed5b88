/**
 * The scenarios in which files are served.
 *
 * @module
 */

import { answer } from "./answers.ts";
import { bare, bundled, caddy, nginx } from "./contenders.ts";
import { client, wrk } from "./load.ts";
import type { RunningServer } from "./running_server.ts";
import type { Scenario } from "./scenario.ts";

/** A handler that has the answer ready: no server on this engine does less. */
const LIMIT = "the engine's limit";
const ROOT = "root SITE;";
const FILE_SERVER = "root * SITE\n  file_server";

function file(name: string, size: number, app?: string): Pick<
  Scenario,
  "contenders" | "ask" | "prepare"
> {
  return {
    contenders: [
      bundled("PAGI::App::File", ({ site }) => `root=${site}`),
      nginx(ROOT),
      caddy(FILE_SERVER),
      ...(app === undefined ? [] : [bare(app, { name: LIMIT, file: name })]),
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
    ...file("1k.pdf", 1024, "memory"),
    load: wrk({ path: "/1k.pdf" }),
  },
  {
    name: "file-100k",
    title: "100 KB file",
    unit: "requests",
    ...file("100k.pdf", 102_400, "memory"),
    load: wrk({ path: "/100k.pdf" }),
  },
  {
    name: "file-200m",
    title: "200 MB file",
    unit: "MB",
    ...file("200m.pdf", 200_000_000, "readable"),
    load: client("download_client.ts", (servers) => [servers, "/200m.pdf", 4]),
  },
  {
    name: "not-modified",
    title: "304 for a 1 KB file",
    unit: "requests",
    ...file("1k.pdf", 1024),
    ask: { path: "/1k.pdf", headers: validators, status: 304, fields: [] },
    load: wrk({ path: "/1k.pdf", headers: validators }),
  },
  {
    name: "listing",
    title: "Listing of 1,000 files",
    unit: "requests",
    contenders: [
      bundled("PAGI::App::Directory", ({ site }) => `root=${site}`),
      nginx(`${ROOT} autoindex on;`),
      caddy(`${FILE_SERVER} browse`),
    ],
    ask: { path: "/many/", fields: [], anyBody: true },
    // More at a time would not be answered within a short turn.
    load: wrk({ path: "/many/", connections: 4 }),
  },
];
