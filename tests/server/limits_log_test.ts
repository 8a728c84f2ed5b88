/** What the log says when a client hits a limit. */

import type { Settings } from "../../src/options/settings.ts";
import type { PagiApp } from "../../src/pagi/types.ts";
import { assertEquals, assertStringIncludes } from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { listening, webSocketApp } from "../helpers/websocket_app.ts";
import { withServer } from "../helpers/with_server.ts";

const reading = httpApp(async (_scope, receive, send) => {
  await readBody(receive);
  await reply(send);
});

/** What is logged at `level` while `act` runs. */
async function logOf(
  level: "info" | "warn",
  app: PagiApp,
  settings: Partial<Settings>,
  act: (client: RawConnection) => Promise<unknown>,
): Promise<string[]> {
  const log = await withServer(app, settings, async ({ connect }) => {
    await act(await connect());
  });
  return linesOf(level, log).filter((line) => !/no lifespan|guard/i.test(line));
}

const answered = (client: RawConnection) => client.response();

for (
  const [status, level, request, settings, why] of [
    [
      400,
      "info",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      {},
      "is not a valid host.",
    ],
    [
      413,
      "warn",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n",
      { maxBodySize: 10 },
      "(--max-body-size is 10)",
    ],
    [
      413,
      "warn",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n",
      { maxBodySize: 10 },
      "(--max-body-size is 10)",
    ],
    [
      414,
      "warn",
      `GET /${"a".repeat(400)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      { maxHeaderSize: 400 },
      "(--max-header-size is 400)",
    ],
    [
      431,
      "warn",
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(400)}\r\n\r\n`,
      { maxHeaderSize: 400 },
      "(--max-header-size is 400)",
    ],
    [
      431,
      "warn",
      "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n",
      { maxHeaderCount: 2 },
      "(--max-header-count is 2)",
    ],
    [
      408,
      "warn",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
      { timeout: 0.2 },
      "(--timeout is 0.2)",
    ],
  ] as [number, "info" | "warn", string, Partial<Settings>, string][]
) {
  Deno.test(`one line tells that ${status} was given, and why: ${why}`, async () => {
    const lines = await logOf(level, reading, settings, async (client) => {
      await client.send(request);
      assertEquals((await answered(client)).status, status);
    });
    assertEquals(lines.length, 1, lines.join());
    assertStringIncludes(lines[0], `was refused with ${status}: `);
    assertStringIncludes(lines[0], why);
  });
}

Deno.test("a flood of refusals is one line and their number, which shows the start of a long path", async () => {
  const settings = { maxHeaderSize: 400 };
  const log = await withServer(reading, settings, async ({ connect }) => {
    for (let i = 0; i < 20; i++) {
      const client = await connect();
      await client.request(`GET /${"a".repeat(400)}`);
      assertEquals((await client.response()).status, 414);
    }
  });
  const lines = log.filter((line) => line.includes("414"));
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[1], "Repeated 19 times");
  assertEquals(
    lines[0].includes(`/${"a".repeat(99)} from 127.0.0.1 was`),
    true,
  );
});

Deno.test("each limit that a status stands for is told, whichever was hit first", async () => {
  const settings = { maxHeaderSize: 400, maxHeaderCount: 2 };
  const log = await withServer(reading, settings, async ({ connect }) => {
    for (const field of [`x: ${"a".repeat(400)}`, "x: 1\r\ny: 2"]) {
      const client = await connect();
      await client.request("GET /", field);
      assertEquals((await client.response()).status, 431);
    }
  });
  const lines = linesOf("warn", log).filter((line) => line.includes("431"));
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0], "(--max-header-size is 400)");
  assertStringIncludes(lines[1], "(--max-header-count is 2)");
});

Deno.test("one line tells that a WebSocket was closed with 1009", async () => {
  const { app, result } = listening();
  const settings = { maxWsFrameSize: 6 };
  const lines = await logOf("warn", app, settings, async (connection) => {
    const socket = await RawWebSocket.open(connection);
    await socket.send(OPCODE.text, "1234567");
    assertEquals((await socket.closed())?.code, 1009);
    await socket.close(1009);
    await result;
  });
  assertEquals(lines.length, 1, lines.join());
  assertStringIncludes(lines[0], "was closed with 1009");
  assertStringIncludes(lines[0], "(--max-ws-frame-size is 6)");
});

Deno.test("one line tells that a WebSocket was closed with 1008", async () => {
  const seen = Promise.withResolvers<void>();
  const app = webSocketApp(async (_scope, _receive, send) => {
    await send({ type: "websocket.accept" });
    await seen.promise;
  });
  const settings = { maxReceiveQueue: 2 };
  const lines = await logOf("warn", app, settings, async (connection) => {
    const socket = await RawWebSocket.open(connection);
    for (let i = 0; i < 10; i++) await socket.send(OPCODE.text, "x");
    assertEquals((await socket.closed())?.code, 1008);
    await socket.close(1008);
    seen.resolve();
  });
  assertEquals(lines.length, 1, lines.join());
  assertStringIncludes(lines[0], "was closed with 1008");
  assertStringIncludes(lines[0], "(--max-receive-queue is 2)");
});
