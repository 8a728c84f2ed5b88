/**
 * The same app and the same client's doing, on a real server and without one.
 *
 * @module
 */

import type {
  HttpScope,
  PagiApp,
  Receive,
  Scope,
  Send,
  SendEvent,
} from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { TestClient } from "../../testing/mod.ts";
import { withServer } from "../helpers/with_server.ts";

/** What an app notes down of what it sees. */
export type Notes = string[];

/** Makes an app that notes down what it sees. */
export type NotingApp = (
  notes: Notes,
) => (scope: Scope, receive: Receive, send: Send) => Promise<void>;

/** A request for both. */
export interface BothRequest {
  method?: string;
  target?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Notes how a `send` fares. */
export async function trySend(
  notes: Notes,
  send: Send,
  event: unknown,
): Promise<void> {
  const { type } = (event ?? {}) as { type?: unknown };
  try {
    await send(event as SendEvent);
    notes.push(`${type} resolves`);
  } catch (error) {
    notes.push(`${type} rejects: ${(error as Error).message}`);
  }
}

/** Notes what `pagi.connection` says. */
export function noteConnection(notes: Notes, scope: HttpScope): void {
  const connection = scope["pagi.connection"];
  connection.onComplete(() => notes.push("complete"));
  connection.onDisconnect((reason) => notes.push(`disconnect ${reason}`));
}

/** Header fields that the engine adds; the client without a socket has none. */
const ENGINES = [
  "connection",
  "content-length",
  "date",
  "transfer-encoding",
  "vary",
];

function outcome(
  status: number,
  headers: Headers,
  text: string,
  notes: Notes,
): unknown {
  return {
    status,
    headers: [...headers].filter(([name]) => !ENGINES.includes(name)),
    text,
    notes,
  };
}

/** Fails unless the app fares the same on a server and without one. */
export async function assertSameAnswer(
  make: NotingApp,
  request: BothRequest = {},
): Promise<void> {
  const { target = "/", ...rest } = request;
  const settings = { maxBodySize: 1000 };

  const notes: Notes = [];
  const client = new TestClient(make(notes), {
    appErrors: "answer",
    settings,
  });
  const here = await client.request(target, rest).then(
    ({ status, headers, text }) => outcome(status, headers, text, notes),
    () => ({ cut: true, notes }),
  );

  let there: unknown;
  await withServer(countingApp(make), settings, async ({ url }) => {
    there = await fetch(url + target, rest).then(async (response) => {
      const text = await response.text();
      await settled;
      return outcome(response.status, response.headers, text, noted);
    }).catch(async () => {
      await settled;
      return { cut: true, notes: noted };
    });
  });
  assertEquals(here, there);
}

/** The same for a client that leaves after the first piece of the body. */
export async function assertSameDeparture(
  make: NotingApp,
  headers: Record<string, string> = {},
): Promise<void> {
  const here: Notes = [];
  const stream = await new TestClient(make(here)).stream("/", { headers });
  await stream.next();
  await stream.close();

  await withServer(countingApp(make), {}, async ({ url }) => {
    const { body } = await fetch(url, { headers });
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();
    await settled;
  });
  assertEquals(here, noted);
}

let noted: Notes = [];
let settled: Promise<void> = Promise.resolve();

/** Keeps what the last call of the app on a server came to. */
function countingApp(make: NotingApp): PagiApp {
  noted = [];
  settled = Promise.resolve();
  return async (scope, receive, send) => {
    if (scope.type === "lifespan") throw new Error("no lifespan here");
    const done = Promise.withResolvers<void>();
    settled = done.promise;
    noted = [];
    try {
      await make(noted)(scope, receive, send);
    } finally {
      // What the server makes of the end comes right after it.
      setTimeout(done.resolve, 0);
    }
  };
}

/** One side's WebSocket, for a test that does the same with both. */
export interface BothSocket {
  readonly subprotocol: string;
  send(message: string | Uint8Array): void;
  receive(): Promise<string | Uint8Array>;
  close(code: number, reason: string): void;
  closed(): Promise<{ code: number; reason: string }>;
}

/**
 * Has `use` talk to the app both ways; fails unless what it returns, how the
 * app's WebSocket was closed and what the app noted are the same.
 */
export async function assertSameTalk(
  make: NotingApp,
  use: (socket: BothSocket) => Promise<unknown>,
  subprotocols: string[] = [],
): Promise<void> {
  const notes: Notes = [];
  const client = new TestClient(make(notes), { appErrors: "answer" });
  const here = await client.websocket("/", { subprotocols }).then(
    async (socket) => {
      const used = await use({
        subprotocol: socket.subprotocol ?? "",
        send: (message) => socket.send(message),
        receive: () => socket.receive(),
        close: (code, reason) => void socket.close(code, reason),
        closed: () => socket.closed(),
      });
      return { used, closed: await socket.closed(), notes };
    },
  );

  let there: unknown;
  await withServer(countingApp(make), {}, async ({ url }) => {
    const socket = new WebSocket(url, subprotocols);
    socket.binaryType = "arraybuffer";
    const messages: (string | Uint8Array)[] = [];
    const waiting: (() => void)[] = [];
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    socket.onmessage = ({ data }) => {
      messages.push(typeof data === "string" ? data : new Uint8Array(data));
      waiting.shift()?.();
    };
    socket.onclose = ({ code, reason }) => closed.resolve({ code, reason });
    await new Promise((resolve) => (socket.onopen = resolve));
    const used = await use({
      subprotocol: socket.protocol,
      send: (message) => socket.send(message as Uint8Array<ArrayBuffer>),
      async receive() {
        if (messages.length === 0) {
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
        return messages.shift()!;
      },
      close: (code, reason) => socket.close(code, reason),
      closed: () => closed.promise,
    });
    const info = await closed.promise;
    await settled;
    there = { used, closed: info, notes: noted };
  });
  assertEquals(here, there);
}
