/**
 * Requests for event streams that are answered otherwise.
 *
 * @module
 */

import { assert, assertEquals } from "../../src/std/assert.ts";
import { linesOf } from "../helpers/http_app.ts";
import type { RawResponse } from "../helpers/raw_connection.ts";
import { appFor, type Serve } from "../helpers/scope_app.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

/** The answer to a request for a stream, and what comes after it. */
async function answerOf(
  serve: Serve<"sse">,
  settings = {},
): Promise<RawResponse & { rest: string; log: string[] }> {
  let response!: RawResponse & { rest: string };
  const app = appFor("sse", serve);
  const log = await withServer(app, settings, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", "accept: text/event-stream");
    const answer = await connection.response();
    response = { ...answer, rest: await connection.rest() };
  });
  return { ...response, log };
}

Deno.test("a decline sends status, headers and body, then closes (PAGI.md 58)", async () => {
  const { status, headers, body, rest, log } = await answerOf(
    async (_scope, _receive, send) => {
      const piece = new TextEncoder().encode("not ");
      const fields: [string, string][] = [
        ["content-type", "text/plain"],
        ["retry-after", "5"],
        ["connection", "keep-alive"],
      ];
      await send({
        type: "sse.http.response.start",
        status: 503,
        headers: fields,
      });
      fields[1][1] = "a\r\nb";
      await send({ type: "sse.http.response.body", body: piece, more: true });
      piece.fill(0);
      await send({ type: "sse.http.response.body", body: "nöw" });
    },
  );
  assertEquals([status, body, rest], [503, "not n\xc3\xb6w", ""]);
  assertEquals(headers.get("content-length"), "8");
  assertEquals(headers.get("retry-after"), "5");
  assertEquals(headers.get("content-type"), "text/plain");
  assert(headers.has("date"));
  assert(!headers.has("transfer-encoding"));
  assertEquals(linesOf("error", log), []);
});

Deno.test("a decline with 204 or 304 has neither body nor length", async () => {
  for (const code of [204, 304]) {
    const { status, headers } = await answerOf(
      async (_scope, _receive, send) => {
        await send({ type: "sse.http.response.start", status: code });
        await send({ type: "sse.http.response.body", body: "lost" });
      },
    );
    assertEquals(status, code);
    assert(!headers.has("content-length"));
    assert(!headers.has("transfer-encoding"));
  }
});

Deno.test("a decline delivers no sse.disconnect (PAGI.md 58)", async () => {
  await answerOf(async (_scope, receive, send) => {
    await receive();
    await send({ type: "sse.http.response.start", status: 410 });
    await send({ type: "sse.http.response.body" });
    const next = await Promise.race([
      receive(),
      delay(20).then(() => "nothing" as const),
    ]);
    assertEquals(next, "nothing");
  });
});

Deno.test("an app that returns in the middle of a decline gets 500 and a log entry", async () => {
  const { status, log } = await answerOf(async (_scope, _receive, send) => {
    await send({ type: "sse.http.response.start", status: 404 });
    await send({ type: "sse.http.response.body", body: "a", more: 1 });
  });
  assertEquals(status, 500);
  assertEquals(linesOf("error", log).length, 1);
});

Deno.test("a decline's wrong headers reject, and a good one still goes out (PAGI.md 10)", async () => {
  const { status } = await answerOf(async (_scope, _receive, send) => {
    const error = await send({
      type: "sse.http.response.start",
      status: 404,
      headers: [["a", "b\nc"]],
    }).catch((error) => error);
    assert(error instanceof TypeError);
    await send({ type: "sse.http.response.start", status: 406 });
    await send({ type: "sse.http.response.body" });
  });
  assertEquals(status, 406);
});

/** An answer by an app that knows only HTTP; its connection stays open. */
async function plainAnswerOf(serve: Serve<"sse">): Promise<RawResponse> {
  let response!: RawResponse;
  const log = await withServer(appFor("sse", serve), {}, async (test) => {
    const connection = await test.connect();
    for (let i = 0; i < 2; i++) {
      await connection.request("GET /", "accept: text/event-stream");
      response = await connection.response();
    }
  });
  assertEquals(linesOf("error", log), []);
  return response;
}

Deno.test("an app that knows only HTTP can answer: a whole body", async () => {
  const { status, headers, body } = await plainAnswerOf(
    async (_scope, _receive, send) => {
      await send({
        type: "http.response.start",
        status: 200,
        headers: [["content-type", "text/html"]],
      });
      await send({ type: "http.response.body", body: "<p>hello" });
      await send({ type: "http.response.body", body: "late" });
      await send({ type: "http.response.start", status: 500 });
    },
  );
  assertEquals([status, body], [200, "<p>hello"]);
  assertEquals(headers.get("content-type"), "text/html");
});

Deno.test("an app that knows only HTTP can answer: a streamed body, as it comes", async () => {
  const seen = Promise.withResolvers<void>();
  const app = appFor("sse", async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "one", more: 1 });
    await seen.promise;
    await send({ type: "http.response.body", body: "two", more: 1 });
    await send({ type: "http.response.body" });
  });
  await withServer(app, {}, async ({ connect }) => {
    const connection = await connect();
    await connection.request("GET /", "accept: text/event-stream");
    await connection.until("3\r\none\r\n");
    seen.resolve();
    assertEquals(
      await connection.until("\r\n\r\n"),
      "3\r\ntwo\r\n0\r\n\r\n",
    );
  });
});

Deno.test("an app that knows only HTTP can answer: a file, and a handle", async () => {
  const folder = tempFolder();
  const path = `${folder}/file.txt`;
  Deno.writeTextFileSync(path, "0123456789");
  try {
    const whole = await plainAnswerOf(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", file: path });
    });
    assertEquals(whole.body, "0123456789");
    const slice = await plainAnswerOf(async (_scope, _receive, send) => {
      using fh = Deno.openSync(path);
      await send({ type: "http.response.start", status: 206 });
      await send({ type: "http.response.body", fh, offset: 2, length: 3 });
    });
    assertEquals([slice.status, slice.body], [206, "234"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("after http.response.start, events of the stream and of a decline reject", async () => {
  const { body } = await plainAnswerOf(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    for (
      const event of [
        { type: "sse.start" },
        { type: "sse.send", data: "x" },
        { type: "sse.close" },
        { type: "sse.http.response.start", status: 404 },
      ] as const
    ) {
      const error = await send(event).catch((error) => error);
      assert(error instanceof TypeError, event.type);
    }
    await send({ type: "http.response.body", body: "still good" });
  });
  assertEquals(body, "still good");
});

Deno.test("http.response.body before any start is ignored (PAGI.md 27)", async () => {
  const { status, body } = await plainAnswerOf(
    async (_scope, _receive, send) => {
      await send({ type: "http.response.body", body: "early" });
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "right" });
    },
  );
  assertEquals([status, body], [200, "right"]);
});
