/**
 * What the server promises, whichever way a request reaches its app.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import type { Settings } from "../../src/options/settings.ts";
import { Http2Client } from "../helpers/http2_client.ts";
import { linesOf } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { OPCODE, RawWebSocket } from "../helpers/raw_websocket.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { WAYS } from "../helpers/three_ways.ts";
import { delay, until } from "../helpers/wait.ts";
import { type TestServer, withServer } from "../helpers/with_server.ts";

interface Case {
  readonly title: string;
  readonly settings?: Partial<Settings>;
  /** @param seen What the app was told. */
  run(test: TestServer, seen: readonly string[]): Promise<void>;
  /** @param log All that the server has logged. */
  after?(log: string[]): void;
}

async function ask(
  test: TestServer,
  line: string,
  fields: readonly string[] = [],
  body = "",
): Promise<{ status: number; body: string; client: RawConnection }> {
  const client = await test.connect();
  await client.request(line, ...fields);
  if (body !== "") await client.send(body);
  const response = await client.response();
  return { status: response.status, body: response.body, client };
}

/** Resolves once that many connections have a request that runs. */
function isOccupied({ server }: TestServer, count: number): Promise<void> {
  return until(() => server.occupiedPeers().length >= count);
}

const chunk = (size: number) =>
  `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;

const CASES: readonly Case[] = [
  {
    title: "answers, again and again on one connection",
    async run(test) {
      const client = await test.connect();
      const paths = ["/hello", "/late", "/pieces", "/at-once", "/at-once"];
      for (const path of [...paths, "/none"]) {
        await client.request(`GET ${path}`);
        const { status, body } = await client.response();
        assertEquals(status, path === "/none" ? 404 : 200, path);
        if (body.length > 10) assertEquals(body.length, 3 * 4096);
      }
    },
  },
  {
    title: "takes bodies of all kinds",
    async run(test) {
      const chunked = ["transfer-encoding: chunked"];
      const short = await ask(
        test,
        "POST /echo",
        ["content-length: 5"],
        "12345",
      );
      assertEquals(short.body, "12345");
      const small = await ask(
        test,
        "POST /echo",
        chunked,
        "2\r\nab\r\n0\r\n\r\n",
      );
      assertEquals(small.body, "ab");
      const large = "y".repeat(300_000);
      const long = await ask(test, "POST /echo", [
        `content-length: ${large.length}`,
      ], large);
      assert(long.body === large);
      const parts = chunk(70_000) + chunk(80_000) + "0\r\n\r\n";
      const many = await ask(test, "POST /echo", chunked, parts);
      assertEquals(many.body.length, 150_000);
      assertEquals((await ask(test, "POST /echo")).body, "");
    },
  },
  {
    title: "refuses a body that announces too much",
    settings: { maxBodySize: 10 },
    async run(test) {
      const { status, client } = await ask(test, "POST /echo", [
        "content-length: 11",
      ]);
      assertEquals(status, 413);
      assert(await client.ended());
    },
  },
  {
    title: "counts a chunked body as it passes",
    settings: { maxBodySize: 10 },
    async run(test) {
      const fields = ["transfer-encoding: chunked"];
      const whole = await ask(
        test,
        "POST /echo",
        fields,
        chunk(11) + "0\r\n\r\n",
      );
      assertEquals(whole.status, 413);
      const client = await test.connect();
      await client.request("POST /echo", ...fields);
      await client.send(chunk(6));
      await delay(50);
      await client.send(chunk(6));
      const { status, body } = await client.response();
      assertEquals([status, body], [
        413,
        "The request body is too large.\n",
      ]);
      assert(await client.ended());
      const right = await ask(
        test,
        "POST /echo",
        fields,
        chunk(10) + "0\r\n\r\n",
      );
      assertEquals(right.body.length, 10);
    },
    after: (log) => assertEquals(linesOf("error", log), []),
  },
  {
    title: "gives up a body that stops arriving",
    settings: { timeout: 0.2 },
    async run(test) {
      const { status, client } = await ask(test, "POST /echo", [
        "content-length: 5",
      ], "12");
      assertEquals(status, 408);
      assert(await client.ended());
    },
  },
  {
    title: "answers 400 to a body that breaks off, or is broken",
    async run(test) {
      const fields = ["transfer-encoding: chunked"];
      const client = await test.connect();
      await client.request("POST /echo", ...fields);
      await client.send(chunk(6));
      // What breaks together with its head, the engine drops unanswered.
      await isOccupied(test, 1);
      await client.send("zz\r\n");
      assertEquals((await client.response()).status, 400);
    },
    after: (log) => assertEquals(linesOf("error", log), []),
  },
  {
    title: "bounds the time to the start of a response",
    settings: { timeout: 0.2 },
    async run(test) {
      const { status, body, client } = await ask(test, "GET /never");
      assertEquals([status, body], [503, "The application took too long.\n"]);
      assert(await client.ended());
    },
    after(log) {
      assertStringIncludes(linesOf("warn", log).join(), "GET /never: no resp");
    },
  },
  {
    title: "bounds the time in which nothing is read or written",
    settings: { requestTimeout: 0.5 },
    async run(test) {
      assertEquals((await ask(test, "GET /never")).status, 503);
      assertEquals((await ask(test, "GET /late")).status, 200);
      assertEquals(
        (await ask(test, "GET /pieces")).body.length,
        3 * 4096,
      );
    },
  },
  {
    title: "bounds heads",
    settings: { maxHeaderSize: 200, maxHeaderCount: 5 },
    async run(test) {
      const long = "x".repeat(300);
      assertEquals((await ask(test, `GET /${long}`)).status, 414);
      assertEquals((await ask(test, "GET /", [`x-a: ${long}`])).status, 431);
      const many = Array.from({ length: 8 }, (_, i) => `x-${i}: 1`);
      assertEquals((await ask(test, "GET /", many)).status, 431);
    },
  },
  {
    title: "refuses what is no request, and hosts that are not allowed",
    settings: { allowedHosts: ["good.example"] },
    async run(test) {
      const status = async (head: string) => {
        const client = await test.connect();
        await client.send(head + "\r\n\r\n");
        return (await client.response()).status;
      };
      const good = "host: good.example";
      assertEquals(await status(`GET /hello HTTP/1.1\r\n${good}`), 200);
      assertEquals(
        await status("GET /hello HTTP/1.1\r\nhost: bad.example"),
        421,
      );
      assertEquals(await status("GET /hello HTTP/1.1"), 400);
      assertEquals(
        await status(`CONNECT good.example:80 HTTP/1.1\r\n${good}`),
        405,
      );
      assertEquals(
        await status(
          `POST /echo HTTP/1.1\r\n${good}\r\ntransfer-encoding: gzip, chunked`,
        ),
        501,
      );
    },
  },
  {
    title: "answers HEAD as GET, without the body",
    async run(test) {
      const client = await test.connect();
      await client.request("HEAD /hello");
      const { status, headers } = await client.response(true);
      assertEquals([status, headers.get("content-length")], [200, "5"]);
      await client.request("HEAD /pieces");
      assertEquals((await client.response(true)).status, 200);
      await client.request("GET /hello");
      assertEquals((await client.response()).body, "hello");
    },
  },
  {
    title: "adds fields to all answers",
    settings: { header: [["x-more", "1"], ["content-type", "text/none"]] },
    async run(test) {
      for (const path of ["/hello", "/late", "/pieces", "/throw", "/none"]) {
        const response = await fetch(test.url + path);
        await response.body?.cancel();
        assertEquals(response.headers.get("x-more"), "1", path);
        if (path === "/hello") {
          assertEquals(response.headers.get("content-type"), "text/plain");
        }
      }
    },
  },
  {
    title: "answers 500 for an app that fails, and says nothing of it",
    async run(test) {
      const { status, body, client } = await ask(test, "GET /throw");
      assertEquals([status, body], [500, "Internal Server Error\n"]);
      assert(await client.ended());
    },
    after(log) {
      const [line] = linesOf("error", log);
      assertStringIncludes(line, "GET /throw: the app threw.");
      assertStringIncludes(line, "secret");
    },
  },
  {
    title: "cuts off a response whose body fails",
    async run(test) {
      const client = await test.connect();
      await client.request("GET /broken");
      const text = await client.rest();
      assertStringIncludes(text, "AAAA");
      assert(!text.endsWith("0\r\n\r\n"));
    },
    after(log) {
      assertStringIncludes(linesOf("error", log).join(), "GET /broken");
    },
  },
  {
    title: "tells the app that its client has left",
    async run(test, seen) {
      const client = await test.connect();
      await client.request("GET /never");
      await isOccupied(test, 1);
      client.close();
      await until(() => seen.includes("left /never"));
      const reader = await test.connect();
      await reader.request("GET /endless");
      await reader.until("AAAA");
      reader.close();
      await until(() => seen.includes("left /endless"));
    },
    after: (log) => assertEquals(linesOf("error", log), []),
  },
  {
    title: "ends event streams at a stop, and waits for other responses",
    async run(test, seen) {
      const events = await test.connect();
      await events.request("GET /events");
      await events.until("data: one\n\n");
      const late = await test.connect();
      await late.request("GET /late");
      await isOccupied(test, 2);
      const stopped = test.server.stop();
      assertStringIncludes(await events.rest(), "0\r\n\r\n");
      const { status, body, headers } = await late.response();
      assertEquals([status, body], [200, "late"]);
      assertEquals(headers.get("connection"), "close");
      await stopped;
      await until(() => seen.includes("left /events"));
    },
    after: (log) => assertEquals(linesOf("error", log), []),
  },
  {
    title: "cuts off what does not end after a stop",
    settings: { shutdownTimeout: 0.1 },
    async run(test) {
      const never = await test.connect();
      await never.request("GET /never");
      const endless = await test.connect();
      await endless.request("GET /endless");
      await endless.until("AAAA");
      await test.server.stop();
      assert(!(await endless.rest()).endsWith("0\r\n\r\n"));
    },
    after(log) {
      assertEquals(
        linesOf("warn", log).filter((line) => line.includes("cut off")).length,
        2,
      );
    },
  },
  {
    title: "ends an event stream on which nothing is sent",
    settings: { sseIdleTimeout: 0.2 },
    async run(test, seen) {
      const client = await test.connect();
      await client.request("GET /events");
      assertStringIncludes((await client.response()).body, "data: one");
      await until(() => seen.includes("left /events"));
    },
  },
  {
    title: "bounds the messages of a WebSocket",
    settings: { maxWsFrameSize: 10 },
    async run(test) {
      const socket = await RawWebSocket.open(await test.connect(), "/ws");
      await socket.text("0123456789");
      assertEquals(await socket.message(), "0123456789");
      await socket.text("0123456789x");
      assertEquals((await socket.closed())?.code, 1009);
    },
    after(log) {
      assertStringIncludes(linesOf("warn", log).join(), "--max-ws-frame-size");
    },
  },
  {
    title: "closes WebSockets at a stop, and when nothing happens on them",
    settings: { wsIdleTimeout: 0.5 },
    async run(test) {
      const idle = await RawWebSocket.open(await test.connect(), "/ws");
      await idle.send(OPCODE.binary, "abc");
      assertEquals((await idle.frame())?.opcode, OPCODE.binary);
      assertEquals(await idle.frame(), null);
      const open = await RawWebSocket.open(await test.connect(), "/ws");
      await open.text("a");
      await open.message();
      const stopped = test.server.stop();
      assertEquals((await open.closed())?.code, 1001);
      await open.close(1001);
      await stopped;
    },
  },
  {
    title: "tells WebSockets of a replacement",
    async run(test) {
      const socket = await RawWebSocket.open(await test.connect(), "/ws");
      await socket.text("a");
      await socket.message();
      const stopped = test.server.stop("replaced");
      assertEquals((await socket.closed())?.code, 1012);
      await socket.close(1012);
      await stopped;
    },
  },
  {
    title: "serves HTTP/2",
    settings: { maxBodySize: 10 },
    async run(test, seen) {
      await using client = await Http2Client.open(test.url);
      for (const [path, length] of [["/hello", 5], ["/pieces", 3 * 4096]]) {
        const { status, body } = await client.get(String(path));
        assertEquals([status, body.length], [200, length]);
      }
      assertEquals((await client.get("/throw")).status, 500);
      const stream = client.request("/endless");
      await until(() => stream.text().length > 0);
      stream.reset();
      await until(() => seen.includes("left /endless"));
    },
  },
];

/** Requests for a host that is known take a shorter way to a fetch handler. */
const TRIALS = [
  ...WAYS.map((way) => ({ ...way, isKnown: false })),
  { ...WAYS[1], name: "a fetch handler that was asked before", isKnown: true },
];

for (const way of TRIALS) {
  for (const { title, settings = {}, run, after } of CASES) {
    Deno.test(`a server with ${way.name} ${title}`, async () => {
      const seen: string[] = [];
      const app = way.app((what) => seen.push(what));
      const log = await withServer(
        app,
        { lifespan: "off", ...settings },
        async (test) => {
          if (way.isKnown && test.port > 0) await ask(test, "GET /hello");
          await run(test, seen);
        },
      );
      after?.(log);
    });
  }

  // Whoever logs has to know all of each request.
  if (way.isKnown) continue;
  Deno.test(`a server with ${way.name} logs bytes and status of all that it answers`, async () => {
    const folder = tempFolder("pagi ways ");
    const accessLog = `${folder}/access`;
    const format = "%m %U %s %B";
    try {
      await withServer(
        way.app(),
        { lifespan: "off", accessLog, accessLogFormat: format },
        async (test) => {
          for (const path of ["/hello", "/late", "/pieces", "/throw"]) {
            const response = await fetch(test.url + path);
            await response.arrayBuffer();
          }
          await ask(test, "POST /echo", ["content-length: 3"], "abc");
          const socket = await RawWebSocket.open(await test.connect(), "/ws");
          await socket.text("12345");
          await socket.message();
          await socket.close(1000);
          await socket.closed();
        },
      );
      const lines = Deno.readTextFileSync(accessLog).trim().split("\n").sort();
      assertEquals(lines, [
        "GET /hello 200 5",
        "GET /late 200 4",
        "GET /pieces 200 12288",
        "GET /throw 500 22",
        "GET /ws 101 5",
        "POST /echo 200 3",
      ]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
