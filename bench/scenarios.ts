/**
 * All scenarios.
 *
 * @module
 */

import {
  bare,
  bareExecutable,
  bareFetch,
  bundled,
  bunFetch,
  caddy,
  compileExecutables,
  type Encryption,
  LIMIT,
  limit,
  nginx,
  node,
  ours,
  oursExecutable,
  oursFetch,
  oursHello,
  pagiLimit,
  startLimit,
  uvicorn,
} from "./contenders.ts";
import { FILE_SCENARIOS } from "./file_scenarios.ts";
import { GROWTH } from "./growth.ts";
import { atRate, besideIdle, client, h2load, http, wrk } from "./load.ts";
import { firstAnswer, idleMemory, memoryOverTime } from "./measures.ts";
import type { Scenario } from "./run_scenario.ts";

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
const CADDY_PAGE = `header Content-Type text/plain
  respond "Hello from PAGI
" 200`;
const TLS: Encryption = { tls: true };
/** Ours with TLS. */
const OURS_TLS = ours("reply", {
  options: ({ certificate, key }) => [
    ...["--ssl-cert", certificate, "--ssl-key", key],
  ],
});
/** How many of each are measured. */
const STARTS = 20;
const WORKERS = ["", "1 worker", "2 workers"];
/** Requests per second that all can answer, at half of what a core can. */
const RATE = 20_000;

/** The same POST, from the client that takes turns. */
const JSON_REQUEST = [
  `POST / HTTP/1.1`,
  `${JSON_FIELD.join(": ")}`,
  `content-length: ${JSON_BODY.length}`,
  "",
  JSON_BODY,
].join("\r\n");

/** What a browser asks by HTTP/1.1: nine fields with `host`. */
const BROWSER_REQUEST = [
  "GET / HTTP/1.1",
  "connection: keep-alive",
  "cache-control: max-age=0",
  'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
  "upgrade-insecure-requests: 1",
  "user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
  "accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "accept-encoding: gzip, deflate, br, zstd",
  "accept-language: en-US,en;q=0.9",
  "\r\n",
].join("\r\n");

function fetchContenders(app: string) {
  return [oursFetch(app), bareFetch(app), bareFetch(app, true), bunFetch(app)];
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
      pagiLimit("reply"),
      bare("nothing", { name: "bare, reading nothing" }),
      node("reply"),
      uvicorn("reply"),
    ],
    ask: {},
    load: http(),
  },
  {
    name: "reply-length",
    title: "16-byte reply with a content-length of the app",
    unit: "requests",
    maxRounds: 2,
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
    maxRounds: 2,
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
    name: "fetch",
    title: "16-byte reply of a fetch handler",
    unit: "requests",
    contenders: fetchContenders("reply"),
    ask: {},
    load: http(),
  },
  {
    name: "fetch-browser",
    title: "16-byte reply of a fetch handler to a browser's nine fields",
    unit: "requests",
    maxRounds: 3,
    contenders: fetchContenders("reply"),
    ask: {},
    load: http(BROWSER_REQUEST),
  },
  {
    name: "fetch-async",
    title: "16-byte reply of an async fetch handler",
    unit: "requests",
    maxRounds: 3,
    contenders: fetchContenders("async"),
    ask: {},
    load: http(),
  },
  {
    name: "fetch-hono",
    title: "16-byte reply of a Hono app",
    unit: "requests",
    contenders: fetchContenders("hono"),
    ask: { fields: [] },
    load: http(),
  },
  {
    name: "fetch-json",
    title: "JSON echo of a 1 KB POST by a fetch handler",
    unit: "requests",
    contenders: fetchContenders("json"),
    ask: {
      method: "POST",
      headers: () => Promise.resolve([JSON_FIELD]),
      body: JSON_BODY,
    },
    load: http(JSON_REQUEST),
  },
  {
    name: "fetch-stream",
    title: "Streamed body of 64 KB from a fetch handler",
    unit: "requests",
    contenders: fetchContenders("stream"),
    ask: {},
    load: http(),
  },
  {
    name: "fetch-events",
    title: "Stream of 100 events from a fetch handler",
    unit: "requests",
    contenders: fetchContenders("events"),
    ask: {},
    load: http(),
  },
  {
    name: "fetch-echo",
    title: "WebSocket echo through Hono",
    unit: "messages",
    contenders: fetchContenders("echo"),
    load: client("echo_client.ts", (servers) => [servers, 64]),
  },
  ...FILE_SCENARIOS,
  {
    name: "event-stream",
    title: "Event stream to 1,000 clients",
    unit: "events",
    contenders: [
      ours("events"),
      bare("events"),
      pagiLimit("events"),
      node("events"),
    ],
    load: client("broadcast_client.ts", (servers) => ["events", servers, 1000]),
  },
  {
    name: "websocket-echo",
    title: "WebSocket echo",
    unit: "messages",
    contenders: [ours("echo"), bare("echo"), pagiLimit("echo")],
    load: client("echo_client.ts", (servers) => [servers, 64]),
  },
  {
    name: "websocket-broadcast",
    title: "WebSocket broadcast to 1,000 clients",
    unit: "messages",
    contenders: [
      ours("broadcast"),
      bare("broadcast"),
      pagiLimit("broadcast"),
    ],
    load: client(
      "broadcast_client.ts",
      (servers) => ["websocket", servers, 1000],
    ),
  },
  {
    name: "http2",
    title: "16-byte reply, HTTP/2 over TLS",
    unit: "requests",
    contenders: [
      OURS_TLS,
      bare("reply", TLS),
      pagiLimit("reply", TLS),
      node("reply", TLS),
      nginx(PAGE, TLS),
      caddy(CADDY_PAGE, TLS),
    ],
    ask: { scheme: "https" },
    load: h2load(),
  },
  {
    name: "connect-tls",
    title: "16-byte reply, a new TLS connection per request",
    unit: "requests",
    maxRounds: 3,
    contenders: [
      OURS_TLS,
      bare("reply", TLS),
      pagiLimit("reply", TLS),
      nginx(PAGE, TLS),
      caddy(CADDY_PAGE, TLS),
    ],
    ask: { scheme: "https", headers: closing },
    load: wrk({ headers: closing, scheme: "https" }),
  },
  {
    name: "proxy",
    title: "Proxy before a 1 KB reply",
    unit: "requests",
    upstream: bare("kilobyte"),
    contenders: [
      bundled(
        "PAGI::App::Proxy",
        ({ upstream }) => [`target=http://127.0.0.1:${upstream}`],
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
      limit("forward"),
      limit("relay", { name: "a relay that reads no heads" }),
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
      pagiLimit("reply"),
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
      pagiLimit("reply", { log: true }),
      pagiLimit("reply", { name: `${LIMIT}, no log` }),
      bare("logged", { name: "bare, a log in ten lines", log: true }),
      bare("reply", { name: "bare, no log" }),
    ],
    ask: {},
    load: http(),
  },
  {
    name: "workers",
    title: "16-byte reply, workers with a core each",
    unit: "requests",
    contenders: [
      ...[1, 2].map((count) =>
        ours("reply", {
          name: WORKERS[count],
          place: count === 1 ? "server" : "two",
          options: () => ["--workers", String(count)],
        })
      ),
      ...[1, 2].map((threads) =>
        pagiLimit("reply", {
          name: `${LIMIT}, ${WORKERS[threads]}`,
          place: threads === 1 ? "server" : "two",
          threads,
        })
      ),
    ],
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
      pagiLimit("reply", { guard: true }),
      pagiLimit("reply", { name: `${LIMIT}, no guard` }),
    ],
    ask: {},
    load: besideIdle(1000, http()),
  },
  {
    name: "idle",
    title: "Memory of each of 10,000 idle connections",
    unit: "",
    maxRounds: 2,
    contenders: [
      ours("reply"),
      bare("reply"),
      pagiLimit("reply"),
      node("reply"),
      bunFetch("reply"),
      nginx(PAGE),
    ],
    measure: idleMemory,
  },
  {
    name: "start",
    title: "Start to first answer, deno run",
    unit: "",
    contenders: [
      oursHello(),
      bare("reply"),
      startLimit(),
      node("reply"),
      uvicorn("reply"),
      bunFetch("reply"),
    ],
    minRounds: STARTS,
    measure: firstAnswer,
  },
  {
    name: "start-executable",
    title: "Start to first answer, executables of one runtime",
    unit: "",
    contenders: [
      oursExecutable(),
      bareExecutable("reply"),
      startLimit({ executable: true }),
    ],
    minRounds: STARTS,
    measure: firstAnswer,
    prepare: compileExecutables,
  },
  {
    name: "memory",
    title: "Memory: idle, after 10,000 and after 1,000,000 requests",
    unit: "",
    minRounds: 2,
    maxRounds: 3,
    contenders: [oursHello(), bare("reply"), startLimit(), node("reply")],
    measure: memoryOverTime,
  },
  {
    name: "tail",
    title: "16-byte reply at 20,000 requests per second",
    unit: "requests",
    maxRounds: 2,
    fixedRate: RATE,
    contenders: [
      ours("reply"),
      bare("reply"),
      node("reply"),
      bunFetch("reply"),
      nginx(PAGE),
    ],
    ask: {},
    load: atRate(RATE),
  },
  {
    name: "tail-file",
    title: "1 KB file at 20,000 requests per second",
    unit: "requests",
    maxRounds: 2,
    fixedRate: RATE,
    contenders: [
      bundled("PAGI::App::File", ({ site }) => [`root=${site}`]),
      limit("file", { file: "1k.pdf" }),
      nginx("root SITE;"),
    ],
    ask: { path: "/1k.pdf", fields: ["content-type", "content-length"] },
    load: atRate(RATE, "GET /1k.pdf HTTP/1.1\r\n\r\n"),
    prepare: (workplace) => workplace.serve("1k.pdf", 1024),
  },
  ...GROWTH,
];
