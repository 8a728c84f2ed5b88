/** WebSockets and event streams through the whole program. */

import {
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
} from "../../src/std/assert.ts";
import { fromFileUrl } from "../../src/std/path.ts";
import { startProgram } from "../helpers/run_program.ts";

const ECHO = fromFileUrl(
  new URL("../../examples/04-websocket-echo/app.ts", import.meta.url),
);

/** Sends one event, then nothing but keepalive comments. */
const STREAM = `
export default async (scope, receive, send) => {
  if (scope.type !== "sse") throw new Error("No support for " + scope.type);
  await receive();
  await send({ type: "sse.start" });
  await send({ type: "sse.keepalive", interval: 0.05, comment: "still here" });
  await send({ type: "sse.send", event: "hello", data: "one\\ntwo", id: "1" });
  const { reason } = await receive();
  console.error("the stream ended: " + reason);
};
`;

/** A WebSocket and the messages that come on it, in order. */
class Client implements Disposable {
  readonly #socket: WebSocket;
  readonly #messages: ReadableStreamDefaultReader<MessageEvent["data"]>;
  readonly closed: Promise<CloseEvent>;

  constructor(url: string) {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#messages = new ReadableStream({
      start(controller) {
        socket.onmessage = ({ data }) => controller.enqueue(data);
      },
    }).getReader();
    this.closed = new Promise((resolve) => (socket.onclose = resolve));
  }

  async open(): Promise<void> {
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = reject;
    });
  }

  /** Sends a message and yields the next one that comes. */
  async echo(message: string | Uint8Array<ArrayBuffer>): Promise<unknown> {
    this.#socket.send(message);
    const { value } = await this.#messages.read();
    return value;
  }

  async close(): Promise<CloseEvent> {
    this.#socket.close(1000);
    return await this.closed;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

Deno.test("a WebSocket echoes text and bytes, and its whole time is one line in the log", async () => {
  await using program = await startProgram([ECHO, "-p", "0"]);
  using client = new Client(program.url.replace("http", "ws") + "/chat?room=1");
  await client.open();
  assertEquals(await client.echo("héllo"), "héllo");
  assertEquals(
    await client.echo(new Uint8Array([0, 255])),
    new Uint8Array([0, 255]).buffer,
  );
  const long = "x".repeat(60_000);
  assertEquals(await client.echo(long), long);
  assertEquals((await client.close()).code, 1000);
  const { code, stderr } = await program.stop();
  assertEquals(code, 0);
  assertMatch(stderr, /"GET \/chat\?room=1" 101 \d+\.\d{3}s$/m);
});

Deno.test("an event stream carries its events, and comments keep it alive (PAGI.md 55)", async () => {
  await using program = await startProgram(["-p", "0", "./app.js"], {
    files: { "app.js": STREAM },
  });
  const leave = new AbortController();
  const response = await fetch(program.url, {
    headers: { accept: "text/event-stream" },
    signal: leave.signal,
  });
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  let text = "";
  try {
    const body = response.body!.pipeThrough(new TextDecoderStream());
    for await (const part of body) {
      text += part;
      if (text.split(":still here\n\n").length > 4) leave.abort();
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
  }
  assertMatch(text, /^event: hello\ndata: one\ndata: two\nid: 1\n\n/m);
  await program.logged(/the stream ended: client_closed/);
});

Deno.test("a stop ends WebSockets and event streams at once (PAGI.md 92)", async () => {
  await using sockets = await startProgram([ECHO, "-p", "0"]);
  await using streams = await startProgram(["-p", "0", "./app.js"], {
    files: { "app.js": STREAM },
  });
  using client = new Client(sockets.url.replace("http", "ws"));
  await client.open();
  const response = await fetch(streams.url, {
    headers: { accept: "text/event-stream" },
  });
  const began = performance.now();
  const [socketsEnded, streamsEnded, closed, text] = await Promise.all([
    sockets.stop(),
    streams.stop(),
    client.closed,
    response.text(),
  ]);
  assertLess(performance.now() - began, 10_000);
  assertEquals([socketsEnded.code, streamsEnded.code], [0, 0]);
  assertEquals(closed.code, 1001);
  assertGreaterOrEqual(text.length, 1);
  assertMatch(streamsEnded.stderr, /the stream ended: server_shutdown/);
});
