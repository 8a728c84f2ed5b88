/**
 * Fuzzes HTTP/1.1 on the wire: many requests on one connection, the last one
 * perhaps bad.
 *
 * @module
 */

import type { PagiApp } from "../../src/pagi/types.ts";
import { FuzzServer, holdScope } from "./fuzz_server.ts";
import {
  ambiguousMessage,
  goodMessage,
  type Message,
  mutatedMessage,
  type Seen,
  SMUGGLED,
} from "./http1_messages.ts";
import type { Random } from "./random.ts";
import {
  fieldOf,
  finish,
  nextResponse,
  type WireResponse,
} from "./read_responses.ts";
import { Finding, hold, type Target } from "./target.ts";
import { fromBytes, RawConnection } from "../helpers/raw_connection.ts";

/** What the server itself may answer to a request that is not good. */
const REFUSALS = new Set([
  400,
  403,
  405,
  408,
  413,
  414,
  417,
  421,
  426,
  431,
  501,
  505,
]);

/** What an app has seen on one connection, in order. */
interface Connection {
  readonly seen: Seen[];
  finding: unknown;
}

/** The server answers what is good, refuses what is not, and mixes up nothing. */
export const http1: Target = {
  name: "http1",
  share: 100,
  async open() {
    const connections = new Map<number, Connection>();
    const server = await FuzzServer.start(observer(connections));
    return {
      parallel: 64,
      round: (random) => converse(random, server.port, connections),
      close: () => server.stop(),
    };
  },
};

/** An app that takes note of what it sees, by the client's port. */
function observer(connections: Map<number, Connection>): PagiApp {
  return async (scope, receive, send) => {
    if (scope.type === "lifespan") throw new Error("There is no lifespan.");
    const connection = connections.get(scope.client![1]);
    if (connection === undefined) return;
    try {
      holdScope(scope);
    } catch (error) {
      connection.finding = error;
    }
    if (scope.type === "websocket") {
      return await send({ type: "websocket.close" });
    }
    const index = connection.seen.length;
    const seen = {
      method: scope.method,
      rawPath: scope.raw_path!,
      query: scope.query_string,
      headers: scope.headers,
      body: null as string | null,
    };
    connection.seen.push(seen);
    if (!scope.headers.some(([name]) => name === "x-ignore-body")) {
      let body = "";
      while (true) {
        const event = await receive();
        if (!("body" in event)) return;
        body += fromBytes(event.body);
        if (!event.more) break;
      }
      seen.body = body;
    }
    const headers: [string, string][] = [["x-app", `${index}`]];
    await send({ type: "http.response.start", status: 200, headers });
    await send({
      type: "http.response.body",
      body: `${index} ${seen.rawPath}`,
    });
  };
}

async function converse(
  random: Random,
  port: number,
  connections: Map<number, Connection>,
): Promise<number> {
  const count = 1 + random.below(14);
  const bad = random.once(3)
    ? random.one(() => ambiguousMessage(random), () => mutatedMessage(random))
    : null;
  const good = Array.from(
    { length: count },
    (_, i) => goodMessage(random, bad === null && i === count - 1),
  );
  const bytes = [...good, ...bad ? [bad] : []].map(({ bytes }) => bytes);
  using wire = await RawConnection.open(port);
  const connection: Connection = { seen: [], finding: null };
  connections.set(wire.port, connection);
  try {
    await wire.trySend(bytes.join(""));
    let ended = false;
    for (const [i, message] of good.entries()) {
      const response = await nextResponse(wire, message.method);
      const before = good.slice(0, i);
      ended = response === null && before.some(({ mayEnd }) => mayEnd);
      if (ended) break;
      holdGood(i, message, response, connection);
    }
    if (bad !== null && !ended) await holdBad(bad, wire, connection, count);
    if (connection.finding !== null) throw connection.finding;
    hold(
      bad?.mutated === true ||
        connection.seen.every(({ rawPath }) => rawPath !== SMUGGLED),
      () => "a request was smuggled in a body",
    );
    return bytes.length;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    throw new Finding(`${error.message}; sent: ${JSON.stringify(bytes)}`);
  } finally {
    connections.delete(wire.port);
  }
}

function holdGood(
  index: number,
  { method, seen }: Message,
  response: WireResponse | null,
  connection: Connection,
): void {
  hold(response !== null, () => `good request ${index} got no response`);
  const { status, body, whole } = response!;
  const expected = method === "HEAD" ? "" : `${index} ${seen!.rawPath}`;
  hold(
    status === 200 && whole && body === expected &&
      fieldOf(response!, "x-app") === `${index}`,
    () => `good request ${index} got ${status} ${JSON.stringify(body)}`,
  );
  const actual = JSON.stringify(connection.seen[index]);
  hold(
    actual === JSON.stringify(seen),
    () => `the app saw ${actual} of good request ${index}`,
  );
}

/** Nobody knows what answers; what is certain is how it may look. */
async function holdBad(
  { method }: Message,
  wire: RawConnection,
  { seen }: Connection,
  good: number,
): Promise<void> {
  const end = await finish(wire);
  hold(end !== "stayed", () => "the connection stayed open after a refusal");
  let answered = good;
  let refused = false;
  while (true) {
    const response = await nextResponse(wire, method);
    if (response === null) break;
    if (fieldOf(response, "x-app") !== null) {
      hold(!refused, () => "the app was called after a refusal");
      answered++;
      continue;
    }
    // What comes before the connection is closed is not admitted; a client
    // that sends no more has left.
    const { status } = response;
    hold(
      REFUSALS.has(status) || status === 503 && (refused || end === "left"),
      () => `a bad request got ${status}`,
    );
    refused = true;
  }
  hold(
    answered <= seen.length,
    () => "there was a response without a request",
  );
}
