/**
 * All scenarios.
 *
 * @module
 */

import { answer, type Ask } from "./answers.ts";
import {
  bare,
  bundled,
  caddy,
  type Contender,
  nginx,
  node,
  ours,
  uvicorn,
} from "./contenders.ts";
import { besideIdle, client, h2load, type Load, wrk } from "./load.ts";
import {
  firstAnswer,
  idleMemory,
  type Measure,
  memoryOverTime,
} from "./measures.ts";
import type { RunningServer } from "./running_server.ts";
import type { Workplace } from "./workplace.ts";

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is counted per second. */
  readonly unit: string;
  readonly contenders: readonly Contender[];
  /** More than these rounds tell no more. */
  readonly maxRounds?: number;
  /** What has to be answered the same by all. */
  readonly ask?: Ask;
  /** Loads servers that run through all rounds, … */
  readonly load?: Load;
  /** … or measures one that is started for each. */
  readonly measure?: Measure;
  /** What runs behind the contenders, on the core of the load. */
  readonly upstream?: Contender;
  /** Writes what is served. */
  prepare?(workplace: Workplace): void;
}

const JSON_FIELD: [string, string] = ["content-type", "application/json"];
const JSON_BODY = JSON.stringify({
  users: Array.from({ length: 12 }, (_, id) => ({
    id,
    name: `User number ${id}`,
    tags: ["one", "two", "three"],
    ratio: id / 8,
  })),
}).padEnd(1024);

const PAGE = `default_type text/plain; location / {
  return 200 "Hello from PAGI\\n"; }`;
const ROOT = "root SITE;";
const FILE_SERVER = "root * SITE\n  file_server";
const HTTP2 = { tls: true };

function files(path: string): readonly Contender[] {
  return [
    bundled("PAGI::App::File", ({ site }) => `root=${site}`),
    nginx(ROOT),
    ...(path === "/200m.pdf" ? [] : [caddy(FILE_SERVER)]),
  ];
}

function file(name: string, size: number): Pick<
  Scenario,
  "contenders" | "ask" | "prepare"
> {
  return {
    contenders: files(`/${name}`),
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

const closing = (): Promise<[string, string][]> =>
  Promise.resolve([["connection", "close"]]);

/** In the order of the results. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "reply",
    title: "16-byte reply",
    unit: "requests",
    contenders: [
      ours("reply"),
      bare("reply"),
      bare("nothing", { name: "bare, reading nothing" }),
      node("reply"),
      uvicorn("reply"),
    ],
    ask: {},
    load: wrk(),
  },
  {
    name: "reply-length",
    title: "16-byte reply with a content-length of the app",
    unit: "requests",
    contenders: [
      ours("length"),
      bare("length"),
      node("length"),
      uvicorn("length"),
    ],
    ask: { fields: ["content-type", "content-length"] },
    load: wrk(),
  },
  {
    name: "json",
    title: "JSON echo of a 1 KB POST",
    unit: "requests",
    contenders: [ours("json"), bare("json"), node("json"), uvicorn("json")],
    ask: {
      method: "POST",
      headers: () => Promise.resolve([JSON_FIELD]),
      body: JSON_BODY,
    },
    load: wrk({
      script: `wrk.method = "POST"\nwrk.body = [[${JSON_BODY}]]\n` +
        `wrk.headers["${JSON_FIELD[0]}"] = "${JSON_FIELD[1]}"\n`,
    }),
  },
  {
    name: "file-1k",
    title: "1 KB file",
    unit: "requests",
    ...file("1k.pdf", 1024),
    load: wrk({ path: "/1k.pdf" }),
  },
  {
    name: "file-100k",
    title: "100 KB file",
    unit: "requests",
    ...file("100k.pdf", 102_400),
    load: wrk({ path: "/100k.pdf" }),
  },
  {
    name: "file-200m",
    title: "200 MB file",
    unit: "MB",
    ...file("200m.pdf", 200_000_000),
    load: client("download_client.ts", (port) => [port, "/200m.pdf", 4]),
  },
  {
    name: "not-modified",
    title: "304 for a 1 KB file",
    unit: "requests",
    ...file("1k.pdf", 1024),
    ask: { path: "/1k.pdf", headers: validators, fields: [] },
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
    load: wrk({ path: "/many/" }),
  },
  {
    name: "event-stream",
    title: "Event stream to 1,000 clients",
    unit: "events",
    contenders: [ours("events"), bare("events"), node("events")],
    load: client("broadcast_client.ts", (port) => ["events", port, 1000]),
  },
  {
    name: "websocket-echo",
    title: "WebSocket echo",
    unit: "messages",
    contenders: [ours("echo"), bare("echo")],
    load: client("echo_client.ts", (port) => [port, 64]),
  },
  {
    name: "websocket-broadcast",
    title: "WebSocket broadcast to 1,000 clients",
    unit: "messages",
    contenders: [ours("broadcast"), bare("broadcast")],
    load: client("broadcast_client.ts", (port) => ["websocket", port, 1000]),
  },
  {
    name: "http2",
    title: "16-byte reply, HTTP/2 over TLS",
    unit: "requests",
    contenders: [
      ours("reply", {
        options: ({ certificate, key }) => [
          ...["--ssl-cert", certificate, "--ssl-key", key],
        ],
      }),
      bare("reply", HTTP2),
      node("reply", HTTP2),
      nginx(PAGE, HTTP2),
    ],
    ask: { scheme: "https" },
    load: h2load(),
  },
  {
    name: "proxy",
    title: "Proxy before a 1 KB reply",
    unit: "requests",
    upstream: bare("kilobyte"),
    contenders: [
      bundled(
        "PAGI::App::Proxy",
        ({ upstream }) => `target=http://127.0.0.1:${upstream}`,
      ),
      caddy("reverse_proxy 127.0.0.1:UPSTREAM"),
      nginx(
        `location / { proxy_pass http://upstream; proxy_http_version 1.1;
          proxy_set_header connection ""; }`,
        {
          http:
            "upstream upstream { server 127.0.0.1:UPSTREAM; keepalive 64; }",
        },
      ),
    ],
    ask: { fields: ["content-type", "content-length"] },
    load: wrk(),
  },
  {
    name: "connect",
    title: "16-byte reply, a new connection per request",
    unit: "requests",
    contenders: [
      ours("reply"),
      bare("reply"),
      node("reply"),
      uvicorn("reply"),
      nginx(PAGE),
    ],
    ask: { headers: closing },
    load: wrk({ headers: closing }),
  },
  {
    name: "access-log",
    title: "16-byte reply, access log to a file",
    unit: "requests",
    contenders: [
      ours("reply", {
        name: "access log",
        accessLog: true,
        options: (workplace) => ["--access-log", workplace.fresh("access")],
      }),
      ours("reply", { name: "no access log" }),
    ],
    ask: {},
    load: wrk(),
  },
  {
    name: "workers",
    title: "16-byte reply, workers on all cores, one shared with the load",
    unit: "requests",
    contenders: [1, 2].map((count) =>
      ours("reply", {
        name: count === 1 ? "1 worker" : `${count} workers`,
        place: "everywhere",
        options: () => ["--workers", String(count)],
      })
    ),
    ask: {},
    load: wrk(),
  },
  {
    name: "guard",
    title: "16-byte reply beside 1,000 idle connections",
    unit: "requests",
    contenders: [
      ours("reply", { name: "guard" }),
      ours("reply", { name: "no guard", permissions: ["-A", "--deny-ffi"] }),
    ],
    ask: {},
    load: besideIdle(1000, wrk()),
  },
  {
    name: "idle",
    title: "Memory of each of 10,000 idle connections",
    unit: "",
    maxRounds: 3,
    contenders: [ours("reply"), bare("reply"), node("reply")],
    measure: idleMemory,
  },
  {
    name: "start",
    title: "Start to first answer",
    unit: "",
    contenders: [
      ours("reply"),
      bare("reply"),
      node("reply"),
      uvicorn("reply"),
    ],
    measure: firstAnswer,
  },
  {
    name: "memory",
    title: "Memory: idle, after 10,000 and after 1,000,000 requests",
    unit: "",
    maxRounds: 3,
    contenders: [ours("reply"), bare("reply"), node("reply")],
    measure: memoryOverTime,
  },
];
