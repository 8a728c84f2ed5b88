/**
 * Fuzzes HTTP/2 connections in clear text (RFC 9113): good requests, and
 * behind them frames of any kind.
 *
 * @module
 */

import type { PagiApp } from "../../src/pagi/types.ts";
import { FuzzServer, holdScope } from "./fuzz_server.ts";
import { BYTE_PIECES } from "./hostile.ts";
import {
  Answers,
  bytesOf,
  DATA,
  END_HEADERS,
  END_STREAM,
  field,
  frame,
  GOAWAY,
  HEADERS,
  PING,
  PREFACE,
  request,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./http2_frames.ts";
import type { Random } from "./random.ts";
import { Finding, hold, type Target } from "./target.ts";
import {
  fromBytes,
  RawConnection,
  toBytes,
} from "../helpers/raw_connection.ts";
import { finish } from "./read_responses.ts";

/** Every good request is answered, whatever else is sent on other connections. */
export const http2: Target = {
  name: "http2",
  share: 60,
  async open() {
    const findings = new Map<number, unknown>();
    const server = await FuzzServer.start(echo(findings));
    return {
      parallel: 24,
      round: (random) => converse(random, server.port, findings),
      close: () => server.stop(),
    };
  },
};

/** Answers with the path and the body; notes what it should not have seen. */
function echo(findings: Map<number, unknown>): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type === "lifespan") throw new Error("There is no lifespan.");
    try {
      holdScope(scope);
      hold(
        scope.headers.every(([name]) => !name.startsWith(":")),
        () => `a pseudo-header came through: ${JSON.stringify(scope.headers)}`,
      );
    } catch (error) {
      findings.set(scope.client![1], error);
    }
    if (scope.type !== "http") throw new Error("Only HTTP.");
    let body = scope.raw_path!;
    while (true) {
      const event = await receive();
      if (event.type !== "http.request") return;
      body += fromBytes(event.body);
      if (!event.more) break;
    }
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: toBytes(body) });
  };
}

async function converse(
  random: Random,
  port: number,
  findings: Map<number, unknown>,
): Promise<number> {
  using wire = await RawConnection.open(port);
  const local = wire.port;
  const expected = new Map<number, string>();
  let bytes = PREFACE + frame(SETTINGS, 0, 0, "") + frame(SETTINGS, 1, 0, "");
  const good = 1 + random.below(8);
  for (let i = 0; i < good; i++) {
    const stream = 2 * i + 1;
    const path = `/${random.text([..."abc019", "%2F"], 8)}`;
    const body = random.once(2) ? "" : random.units(256, 100);
    expected.set(stream, path + body);
    bytes += request(random, stream, path, body);
  }
  const tail = random.list(8, () => strange(random, 2 * good + 1));
  try {
    await wire.trySend(bytes);
    const answers = new Answers(wire);
    while (answers.ended < good && await answers.read());
    for (const [stream, text] of expected) {
      hold(
        answers.bodies.get(stream) === text,
        () =>
          `stream ${stream} got ${
            JSON.stringify(answers.bodies.get(stream))
          } for ${JSON.stringify(text)}`,
      );
    }
    await wire.trySend(tail.join(""));
    await finish(wire);
    while (await answers.read());
    if (findings.has(local)) throw findings.get(local);
    return good + tail.length;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    throw new Finding(
      `${error.message}; sent: ${JSON.stringify(bytes)}, ${
        JSON.stringify(tail)
      }`,
    );
  } finally {
    findings.delete(local);
  }
}

/** Frames that are wrong, or right at the wrong moment. */
function strange(random: Random, next: number): string {
  const stream = random.pick([0, 1, 2, next, next, next + 2, 2 ** 31 - 1]);
  const junk = () => random.text(BYTE_PIECES, 8);
  const flags = random.pick([0, 1, 4, 5, 8, 0x20, 255]);
  return random.one(
    () => frame(random.below(12), flags, stream, junk()),
    () => frame(HEADERS, flags, stream, strangeFields(random)),
    () => frame(HEADERS, END_HEADERS | END_STREAM, next, strangeFields(random)),
    () => frame(HEADERS, END_HEADERS | END_STREAM, next, junk()),
    () => request(random, next, `/${junk()}`, junk()),
    () =>
      request(random, next, "/x", "") +
      frame(RST_STREAM, 0, next, "\0\0\0\x08"),
    () => frame(DATA, flags, stream, junk()),
    () =>
      frame(
        WINDOW_UPDATE,
        0,
        stream,
        bytesOf(random.pick([0, 1, 2 ** 31 - 1]), 4),
      ),
    () =>
      frame(
        SETTINGS,
        0,
        0,
        bytesOf(random.below(9), 2) + bytesOf(random.below(2 ** 32), 4),
      ),
    // An answer to no ping makes the engine write to stderr.
    () => frame(PING, 0, 0, "12345678"),
    () => frame(GOAWAY, 0, 0, bytesOf(0, 8)),
    () => bytesOf(random.below(2 ** 24), 3) + junk(),
  );
}

function strangeFields(random: Random): string {
  const pseudo = [":method", ":scheme", ":authority", ":path", ":status", ":x"];
  const fields = [":method", ":scheme", ":path"].filter(() => !random.once(8))
    .map((name) =>
      field(name, { ":method": "GET", ":scheme": "http" }[name] ?? "/")
    );
  return fields.join("") + random.list(5, () =>
    field(
      random.one(
        () => random.pick(pseudo),
        () => random.pick(["connection", "te", "Upper", "host", "cookie", ""]),
        () => random.pick(["transfer-encoding", "content-length", "x-a"]),
        () => random.text(BYTE_PIECES, 3),
      ),
      random.one(
        () =>
          random.pick(["CONNECT", "/a b", "*", "http://x/", "7", "websocket"]),
        () => random.text(BYTE_PIECES, 5),
      ),
    )).join("");
}
