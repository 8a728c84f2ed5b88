/**
 * Requests for a WebSocket, whole and flawed.
 *
 * @module
 */

import { assert, assertEquals } from "../../../src/std/assert.ts";
import type { PagiApp, Scope } from "../../../src/pagi/types.ts";
import {
  ACCEPT,
  frameBytes,
  KEY,
  OPCODE,
} from "../../helpers/raw_websocket.ts";
import { withServer } from "../../helpers/with_server.ts";

/** A case. */
interface HandshakeRow {
  readonly title: string;
  /** The section of RFC 6455. */
  readonly rfc: string;
  /** The request line. */
  readonly line?: string;
  /** Fields in place of the good ones; null leaves one out, a list repeats. */
  readonly fields?: Record<string, string | readonly string[] | null>;
  /** What follows the head. */
  readonly rest?: string;
  readonly status: number;
  /** Fields of the answer; null is one that must not be there. */
  readonly answer?: Record<string, string | null>;
  /** The kind of scope that the app gets; null where it is not called. */
  readonly scope: Scope["type"] | null;
}

const GOOD: Record<string, string> = {
  host: "localhost",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": KEY,
};

const OPENS = {
  "sec-websocket-accept": ACCEPT,
  upgrade: "websocket",
  "sec-websocket-protocol": null,
  "sec-websocket-extensions": null,
  "content-length": null,
  "transfer-encoding": null,
};

/** Accepts WebSockets, and answers other requests with 200. */
const answering = (seen: Scope[]): PagiApp => async (scope, receive, send) => {
  if (scope.type === "lifespan") throw new Error("not supported");
  seen.push(scope);
  if (scope.type !== "websocket") {
    await send({ type: "http.response.start", status: 200 });
    return await send({ type: "http.response.body", body: scope.type });
  }
  await send({ type: "websocket.accept" });
  while ((await receive()).type !== "websocket.disconnect");
};

/** Plays a row; returns the scope, if there was one. */
async function checkHandshake(row: HandshakeRow): Promise<Scope | undefined> {
  const seen: Scope[] = [];
  await withServer(answering(seen), {}, async ({ connect }) => {
    const connection = await connect();
    const fields = Object.entries({ ...GOOD, ...row.fields }).flatMap(
      ([name, values]) =>
        [values ?? []].flat().map((value) => `${name}: ${value}`),
    );
    const line = row.line ?? "GET / HTTP/1.1";
    await connection.send([line, ...fields, "", row.rest ?? ""].join("\r\n"));
    const { status, headers } = await connection.response(
      line.startsWith("HEAD"),
    );
    assertEquals(status, row.status);
    for (const [name, value] of Object.entries(row.answer ?? {})) {
      assertEquals(headers.get(name) ?? null, value, name);
    }
    assertEquals(seen.map(({ type }) => type), row.scope ? [row.scope] : []);
    // What was refused is not read on.
    if (status >= 400) assert(await connection.ended());
  });
  return seen[0];
}

const ROWS: HandshakeRow[] = [
  {
    title: "the request of the RFC opens a WebSocket",
    rfc: "1.3",
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "tokens count in any case, and among others",
    rfc: "4.2.1",
    fields: { connection: "keep-alive, UPGRADE", upgrade: "h2c, WebSocket" },
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "connection and upgrade may come in several fields",
    rfc: "4.2.1",
    fields: { connection: ["keep-alive", "Upgrade"] },
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "offered extensions are not accepted: there is no compression",
    rfc: "9.1",
    fields: {
      "sec-websocket-extensions": [
        "permessage-deflate; client_max_window_bits",
        "x-webkit-deflate-frame",
      ],
    },
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "offered subprotocols are the app's to choose from",
    rfc: "4.2.2",
    fields: { "sec-websocket-protocol": ["chat, superchat", "v2"] },
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "a foreign origin is the app's to judge",
    rfc: "10.2",
    fields: { origin: "https://elsewhere.example" },
    status: 101,
    answer: OPENS,
    scope: "websocket",
  },
  {
    title: "a request without a key is no WebSocket",
    rfc: "4.2.1",
    fields: { "sec-websocket-key": null },
    status: 200,
    scope: "http",
  },
  ...["", "abc", KEY.slice(1), `${KEY}AAAA`, `A${KEY}`, KEY.replace("=", "!")]
    .map((key) => ({
      title: `the key "${key}", not of 16 bytes, gets 400`,
      rfc: "4.2.1",
      fields: { "sec-websocket-key": key },
      status: 400,
      scope: null,
    })),
  {
    title: "two keys get 400",
    rfc: "11.3.1",
    fields: { "sec-websocket-key": [KEY, KEY] },
    status: 400,
    scope: null,
  },
  ...["", "0", "7", "8", "12", "14", "013", "13, 8", "13.0", "abc"]
    .map((version) => ({
      title: `version "${version}" gets 426 and the version that is spoken`,
      rfc: "4.4",
      fields: { "sec-websocket-version": version },
      status: 426,
      answer: { "sec-websocket-version": "13", upgrade: "websocket" },
      scope: null,
    })),
  {
    title: "no version gets 426",
    rfc: "4.4",
    fields: { "sec-websocket-version": null },
    status: 426,
    answer: { "sec-websocket-version": "13" },
    scope: null,
  },
  {
    title: "a version given twice gets 426",
    rfc: "11.3.5",
    fields: { "sec-websocket-version": ["13", "13"] },
    status: 426,
    scope: null,
  },
  ...["keep-alive", "upgraded", "up grade"].map((connection) => ({
    title: `connection: ${connection} asks for no WebSocket`,
    rfc: "4.2.1",
    fields: { connection },
    status: 200,
    scope: "http" as const,
  })),
  ...["websockets", "web socket", "h2c", "websocket/13"].map((upgrade) => ({
    title: `upgrade: ${upgrade} asks for no WebSocket`,
    rfc: "4.2.1",
    fields: { upgrade },
    status: 200,
    scope: "http" as const,
  })),
  ...["HEAD", "PUT", "OPTIONS", "get"].map((method) => ({
    title: `${method} asks for no WebSocket`,
    rfc: "4.2.1",
    line: `${method} / HTTP/1.1`,
    status: 200,
    scope: "http" as const,
  })),
  {
    title: "a request without host gets 400",
    rfc: "4.2.1",
    fields: { host: null },
    status: 400,
    scope: null,
  },
  ...["0", "9"].map((length) => ({
    title: `a body of ${length} bytes is taken neither as one nor as frames`,
    rfc: "4.1",
    fields: { "content-length": length },
    rest: String.fromCharCode(...frameBytes(OPCODE.text, "abc")),
    status: 400,
    scope: null,
  })),
  {
    title: "a chunked body is taken neither as one nor as frames",
    rfc: "4.1",
    fields: { "transfer-encoding": "chunked" },
    rest: "0\r\n\r\n",
    status: 400,
    scope: null,
  },
];

for (const row of ROWS) {
  Deno.test(`a handshake: ${row.title} (RFC 6455, ${row.rfc})`, async () => {
    await checkHandshake(row);
  });
}

Deno.test("a handshake in HTTP/1.0 opens a WebSocket: it cannot be told from 1.1 (RFC 6455, 4.1; PAGI.md 32, exception)", async () => {
  await checkHandshake({
    title: "HTTP/1.0",
    rfc: "4.1",
    line: "GET / HTTP/1.0",
    status: 101,
    answer: OPENS,
    scope: "websocket",
  });
});

Deno.test("a handshake's fields reach the app: origin, extensions, subprotocols of several fields (RFC 6455, 4.2.2; PAGI.md 65)", async () => {
  const scope = await checkHandshake({
    title: "fields",
    rfc: "4.2.2",
    fields: {
      origin: "null",
      "sec-websocket-extensions": "permessage-deflate",
      "sec-websocket-protocol": ["chat,superchat", " v2 "],
    },
    status: 101,
    scope: "websocket",
  });
  assert(scope?.type === "websocket");
  assertEquals(scope.subprotocols, ["chat", "superchat", "v2"]);
  const fields = new Map(scope.headers);
  assertEquals(fields.get("origin"), "null");
  assertEquals(fields.get("sec-websocket-extensions"), "permessage-deflate");
});
