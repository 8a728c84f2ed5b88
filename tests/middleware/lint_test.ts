/** The rules of lint, one by one, without a server. */

import { lint } from "../../src/middleware/lint.ts";
import { LintError } from "../../src/middleware/response_rules.ts";
import { configureLog } from "../../src/log/log.ts";
import type {
  PagiApp,
  ReceiveEvent,
  Scope,
  SendEvent,
} from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { requestScope } from "../helpers/request_scope.ts";
import { delay } from "../helpers/wait.ts";

type Kind = Scope["type"];

function scopeOf(kind: Kind, fields: Record<string, unknown> = {}): Scope {
  switch (kind) {
    case "http":
    case "sse":
      return { ...requestScope({ type: kind }), ...fields } as Scope;
    case "websocket":
      return {
        ...requestScope({ type: "sse" }),
        type: "websocket",
        scheme: "ws",
        subprotocols: ["chat"],
        ...fields,
      } as Scope;
    case "lifespan":
      return { type: "lifespan", pagi: { version: "0.3" }, ...fields };
  }
}

/** Runs `app` under lint; yields what passed, and what it threw. */
async function run(
  app: PagiApp,
  scope: Scope,
  inbound: readonly ReceiveEvent[] = [],
  send: (event: SendEvent) => Promise<void> = () => Promise.resolve(),
): Promise<{ passed: SendEvent[]; thrown: unknown }> {
  const passed: SendEvent[] = [];
  const events = inbound.values();
  const receive = (): Promise<ReceiveEvent> => {
    const { done, value } = events.next();
    return done ? new Promise(() => {}) : Promise.resolve(value);
  };
  try {
    await lint(app)(scope, receive, async (event) => {
      await send(event);
      passed.push(event);
    });
    return { passed, thrown: null };
  } catch (error) {
    return { passed, thrown: error };
  }
}

/** An app that sends these and returns. */
function sending(events: readonly unknown[]): PagiApp {
  return async (_scope, _receive, send) => {
    for (const event of events) await send(event as SendEvent);
  };
}

const START = { type: "http.response.start", status: 200 };
const BODY = { type: "http.response.body", body: "four" };
const MORE = { ...BODY, more: 1 };
const DENIAL = { type: "websocket.http.response.start", status: 401 };
const ACCEPT = { type: "websocket.accept" };

function start(status: number, ...headers: [string, string][]) {
  return { ...START, status, headers };
}

/** Kind of scope, what is sent, and what is said of the last of it. */
const WRONG: readonly (readonly [Kind, readonly unknown[], RegExp])[] = [
  [
    "http",
    [BODY],
    /body was sent before http\.response\.start;.*PAGI\.md 3\.3/,
  ],
  ["http", [START, start(404)], /status 404 after one with status 200/],
  ["http", [START, BODY, BODY], /body was sent after the last one/],
  [
    "http",
    [START, { type: "http.response.body", file: "/etc/hosts", more: 1 }, BODY],
    /after the last one/,
  ],
  [
    "http",
    [start(200, ["content-length", "3"]), BODY],
    /4 bytes as the last one, and content-length left 3 bytes to send/,
  ],
  [
    "http",
    [start(200, ["Content-Length", "6"]), MORE, MORE],
    /with 4 bytes, and content-length left 2 bytes/,
  ],
  [
    "http",
    [start(200, ["content-length", "9"]), MORE, BODY],
    /left 5 bytes/,
  ],
  [
    "http",
    [start(200, ["content-length", "4"], ["content-length", "4"])],
    /content-length "4" and "4"; .*one number/,
  ],
  ["http", [start(200, ["content-length", "1e3"])], /"1e3"; .*one number/],
  ["http", [start(204), BODY], /4 bytes; a response with status 204/],
  ["http", [start(304), BODY], /4 bytes; a response with status 304/],
  ["http", [START, BODY, { type: "http.response.trailers" }], /none are due/],
  ["http", [{ type: "http.response.trailers" }], /none are due/],
  ["http", [7], /send was given 7; an event must be an object/],
  ["http", [{ type: "sse.start" }], /type "sse\.start" was sent in a scope of/],
  ["http", [{ ...START, status: 99 }], /status 99; status must be an integer/],
  ["http", [ACCEPT], /"websocket\.accept" was sent in a scope of type http/],
  ["sse", [{ type: "sse.send", data: "" }], /sse\.send was sent before/],
  ["sse", [{ type: "sse.comment", comment: "" }], /comment was sent before/],
  ["sse", [{ type: "sse.start" }, { type: "sse.start" }], /sent twice/],
  ["sse", [{ type: "sse.start" }, START], /start was sent after sse\.start/],
  ["sse", [{ type: "sse.start" }, BODY], /body was sent after sse\.start/],
  ["sse", [BODY], /before http\.response\.start;.*PAGI\.md 3\.5/],
  ["sse", [START, BODY, BODY], /after the last one/],
  ["sse", [{ type: "sse.http.response.body" }], /before sse\.http\.response/],
  [
    "websocket",
    [{ type: "websocket.send", text: "" }],
    /before websocket\.acc/,
  ],
  [
    "websocket",
    [{ type: "websocket.keepalive", interval: 1 }],
    /keepalive was sent before websocket\.accept/,
  ],
  ["websocket", [ACCEPT, ACCEPT], /accept was sent after websocket\.accept/],
  ["websocket", [ACCEPT, DENIAL], /start was sent after websocket\.accept/],
  ["websocket", [DENIAL, ACCEPT], /accept was sent after websocket\.http/],
  ["websocket", [DENIAL, DENIAL], /status 401 after one with status 401/],
  [
    "websocket",
    [{ type: "websocket.http.response.body" }],
    /before websocket\.http\.response\.start/,
  ],
  [
    "lifespan",
    [{ type: "lifespan.shutdown.complete" }],
    /before lifespan\.shutdown was received/,
  ],
  [
    "lifespan",
    [
      { type: "lifespan.startup.complete" },
      { type: "lifespan.startup.failed" },
    ],
    /failed was sent after another answer to lifespan\.startup/,
  ],
];

for (const [kind, events, said] of WRONG) {
  const types = events.map((event) => (event as SendEvent).type ?? event);
  Deno.test(`${kind}: what is wrong with ${types.join(", ")} is said, and it does not reach the server: ${said.source}`, async () => {
    configureLog({ level: "error", write: () => {} });
    const { passed, thrown } = await run(sending(events), scopeOf(kind));
    configureLog({ level: "info" });
    assert(thrown instanceof Error);
    assertMatch(thrown.message, said);
    assertEquals(passed, events.slice(0, -1) as SendEvent[]);
  });
}

const RIGHT: readonly (readonly [Kind, readonly unknown[]])[] = [
  ["http", [START, MORE, MORE, BODY]],
  ["http", [start(200, ["content-length", "8"]), MORE, BODY]],
  ["http", [start(200, ["content-length", "2"]), { ...BODY, body: "é" }]],
  ["http", [start(304, ["content-length", "9"]), { ...BODY, body: "" }]],
  ["http", [
    { ...START, trailers: 1 },
    BODY,
    { type: "http.response.trailers" },
  ]],
  ["sse", [
    { type: "sse.keepalive", interval: 1 },
    { type: "sse.start" },
    { type: "sse.send", data: "" },
    { type: "sse.close" },
    { type: "sse.close" },
  ]],
  ["sse", [START, MORE, BODY]],
  ["sse", [
    { type: "sse.http.response.start", status: 404 },
    { type: "sse.http.response.body" },
  ]],
  ["websocket", [
    { ...ACCEPT, subprotocol: "chat" },
    { type: "websocket.send", text: "" },
    { type: "websocket.close" },
    { type: "websocket.send", text: "nobody knows who closes first" },
  ]],
  ["websocket", [DENIAL, { type: "websocket.http.response.body" }]],
  ["websocket", [{ type: "websocket.close" }]],
  ["lifespan", [{ type: "lifespan.startup.complete" }]],
  ["lifespan", []],
];

for (const [kind, events] of RIGHT) {
  const types = events.map((event) => (event as SendEvent).type);
  Deno.test(`${kind}: ${types.join(", ") || "nothing at all"} passes as it is`, async () => {
    const { passed, thrown } = await run(sending(events), scopeOf(kind));
    assertEquals(thrown, null);
    assertEquals(passed, events as SendEvent[]);
  });
}

Deno.test("a HEAD request's answer may lack the body that content-length announces", async () => {
  const events = [start(200, ["content-length", "900"]), { ...BODY, body: "" }];
  const scope = scopeOf("http", { method: "HEAD" });
  assertEquals((await run(sending(events), scope)).thrown, null);
});

const UNFINISHED: readonly (readonly [readonly unknown[], RegExp])[] = [
  [[], /returned without http\.response\.start;.*PAGI\.md 3\.1/],
  [[START], /returned before the last http\.response\.body/],
  [[START, MORE], /returned before the last http\.response\.body/],
  [[{ ...START, trailers: 1 }, BODY], /without the http\.response\.trailers/],
];

for (const [events, said] of UNFINISHED) {
  Deno.test(`an app that returns too early fails: ${said.source}`, async () => {
    const { thrown } = await run(sending(events), scopeOf("http"));
    assert(thrown instanceof LintError);
    assertMatch(thrown.message, said);
  });
}

Deno.test("an app that does not await what it sends fails, whether it was sent by then or not", async () => {
  const slow = () => delay(5);
  const apps: PagiApp[] = [
    async (_scope, _receive, send) => {
      await send(START as SendEvent);
      send(BODY as SendEvent);
    },
    async (_scope, _receive, send) => {
      await send(START as SendEvent);
      send(BODY as SendEvent).catch(() => {});
    },
    async (_scope, _receive, send) => {
      await send(START as SendEvent);
      send(BODY as SendEvent);
      await slow();
      await slow();
    },
  ];
  for (const app of apps) {
    const { thrown } = await run(app, scopeOf("http"), [], slow);
    assertStringIncludes(
      String(thrown),
      "LintError: The app returned without having awaited send of http.response.body;",
    );
    await slow();
  }
});

Deno.test("every way of waiting for send counts", async () => {
  const app: PagiApp = async (_scope, _receive, send) => {
    await Promise.all([send(START as SendEvent), send(MORE as SendEvent)]);
    await send(MORE as SendEvent).then(() => send(MORE as SendEvent));
    return send(BODY as SendEvent);
  };
  const { thrown, passed } = await run(app, scopeOf("http"));
  assertEquals(thrown, null);
  assertEquals(passed.length, 5);
});

Deno.test("what is sent after the app has returned rejects", async () => {
  let late = (): Promise<void> => Promise.resolve();
  const app: PagiApp = async (_scope, _receive, send) => {
    await send(START as SendEvent);
    await send(BODY as SendEvent);
    late = () => send(BODY as SendEvent);
  };
  assertEquals((await run(app, scopeOf("http"))).thrown, null);
  await assertRejects(late, LintError, "after the app had returned");
});

Deno.test("after a disconnect nothing is a mistake: the server decides", async () => {
  const kinds = [
    ["http", { type: "http.disconnect" }],
    ["sse", { type: "sse.disconnect", reason: "client_closed" }],
    ["websocket", { type: "websocket.disconnect", code: 1006, reason: "" }],
  ] as const;
  for (const [kind, disconnect] of kinds) {
    const app: PagiApp = async (_scope, receive, send) => {
      await receive();
      await send(BODY as SendEvent);
      send(7 as unknown as SendEvent);
    };
    const { thrown, passed } = await run(app, scopeOf(kind), [disconnect]);
    assertEquals([thrown, passed.length], [null, 2], kind);
  }
});

Deno.test("an app that goes on receiving after the disconnect is stopped", async () => {
  const app: PagiApp = async (_scope, receive) => {
    for (;;) await receive();
  };
  const disconnects = Array(2000).fill({ type: "http.disconnect" });
  const { thrown } = await run(app, scopeOf("http"), disconnects);
  assertStringIncludes(String(thrown), "called 1000 times after the disconn");
});

Deno.test("a mistake that the app swallows fails it when it returns", async () => {
  const app: PagiApp = async (_scope, _receive, send) => {
    await send(BODY as SendEvent).catch(() => {});
    await send(START as SendEvent);
    await send(BODY as SendEvent);
  };
  const { thrown, passed } = await run(app, scopeOf("http"));
  assertStringIncludes(String(thrown), "before http.response.start");
  assertEquals(passed.length, 2);
});

Deno.test("what the server rejects leaves the rules where they were (PAGI.md 6)", async () => {
  const app: PagiApp = async (_scope, _receive, send) => {
    await assertRejects(() => send({ ...START, status: 7 } as SendEvent));
    await send(START as SendEvent);
    const missing = { type: "http.response.body", file: "missing" } as const;
    await assertRejects(() => send(missing), Error, "no such file");
    await send(BODY as SendEvent);
  };
  const server = (event: SendEvent): Promise<void> =>
    "file" in event
      ? Promise.reject(new Error("no such file"))
      : Promise.resolve();
  const { thrown } = await run(app, scopeOf("http"), [], server);
  assertEquals(thrown, null);
});

Deno.test("an app's own errors pass, and its mistakes show where it called send", async () => {
  const own = new Error("own");
  const { thrown } = await run(() => Promise.reject(own), scopeOf("http"));
  assertEquals(thrown, own);
  const wrong = await run(sending([BODY]), scopeOf("http"));
  const [, first] = (wrong.thrown as Error).stack!.split("\n    at ");
  assertStringIncludes(first, "lint_test.ts");
});

Deno.test("an app that is told to stop and does not answer fails", async () => {
  const app: PagiApp = async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await receive();
  };
  const events = ["lifespan.startup", "lifespan.shutdown"] as const;
  const inbound = events.map((type) => ({ type }));
  const { thrown } = await run(app, scopeOf("lifespan"), inbound);
  assertStringIncludes(String(thrown), "without an answer");
});

Deno.test("a wrong start is an error in the log, where a server sees an app without lifespan", async () => {
  const log: string[] = [];
  configureLog({ level: "info", write: (text) => void log.push(text) });
  for (
    const type of [
      "lifespan.shutdown.complete",
      "lifespan.startup.compelte",
      "http.response.start",
    ]
  ) {
    await run(sending([{ type }]), scopeOf("lifespan"));
    const told = log.splice(0).join("");
    assertMatch(told, / error The app's lifespan breaks the protocol\./);
    assertStringIncludes(told, type);
  }
  await run(() => Promise.reject(new Error("none")), scopeOf("lifespan"));
  configureLog({ level: "info" });
  assertEquals(log, []);
});

Deno.test("a scope that a middleware has spoilt is refused", async () => {
  const spoilt: readonly (readonly [Kind, Record<string, unknown>, RegExp])[] =
    [
      ["http", { type: "nonsense" }, /"nonsense" as scope\.type/],
      ["http", { method: undefined }, /undefined as scope\.method/],
      ["sse", { path: null }, /null as scope\.path/],
      ["websocket", { scheme: 7 }, /7 as scope\.scheme/],
      ["http", { headers: {} }, /as scope\.headers;/],
      ["http", { headers: [["Host", "a"]] }, /"Host" as scope\.headers\[0\];/],
      ["http", { headers: [["host"]] }, /as scope\.headers\[0\];/],
    ];
  for (const [kind, fields, said] of spoilt) {
    const { thrown } = await run(sending([]), scopeOf(kind, fields));
    assertMatch(String(thrown), said);
  }
});

Deno.test("header names with upper-case letters are warned of, once each", async () => {
  const log: string[] = [];
  configureLog({ level: "info", write: (text) => void log.push(text) });
  const events = [
    start(200, ["X-Odd", "1"], ["X-Odd", "2"], ["even", "3"]),
    BODY,
  ];
  const { thrown } = await run(sending(events), scopeOf("http"));
  configureLog({ level: "info" });
  assertEquals(thrown, null);
  assertEquals(log.length, 1);
  assertMatch(log[0], / warn .*"X-Odd"; write names in lower case/);
});
