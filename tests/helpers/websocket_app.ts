/**
 * Apps for tests of the `websocket` scope.
 *
 * @module
 */

import type {
  PagiApp,
  Receive,
  ReceiveEvent,
  Send,
  WebSocketScope,
} from "../../src/pagi/types.ts";

/** How a WebSocket ended, as the app is told. */
export type Disconnect = Extract<
  ReceiveEvent,
  { type: "websocket.disconnect" }
>;

/** Serves one WebSocket. */
export type ServeWebSocket = (
  scope: WebSocketScope,
  receive: Receive,
  send: Send,
) => Promise<void>;

/** An app for `websocket` scopes; it throws on others, as PAGI.md 1 asks for. */
export function webSocketApp(serve: ServeWebSocket): PagiApp {
  return (scope, receive, send) => {
    if (scope.type !== "websocket") {
      return Promise.reject(new Error(`${scope.type} is not supported.`));
    }
    return serve(scope, receive, send);
  };
}

/** Receives to the end; returns the messages and how it ended. */
export async function receiveAll(
  receive: Receive,
): Promise<{ messages: (string | Uint8Array)[]; end: Disconnect }> {
  const messages: (string | Uint8Array)[] = [];
  while (true) {
    const event = await receive();
    if (event.type === "websocket.disconnect") return { messages, end: event };
    if (event.type === "websocket.receive") {
      messages.push(event.text ?? event.bytes);
    }
  }
}

/**
 * An app for one WebSocket, and a promise of what `serve` returns, so that a
 * test can wait for what the app has seen.
 */
export function observed<T>(
  serve: (scope: WebSocketScope, receive: Receive, send: Send) => Promise<T>,
): { app: PagiApp; result: Promise<T> } {
  const { promise, resolve } = Promise.withResolvers<T>();
  const app = webSocketApp(async (scope, receive, send) => {
    resolve(await serve(scope, receive, send));
  });
  return { app, result: promise };
}

/** An {@linkcode observed} app that accepts and receives to the end. */
export function listening(): ReturnType<
  typeof observed<Awaited<ReturnType<typeof receiveAll>>>
> {
  return observed(async (_scope, receive, send) => {
    await send({ type: "websocket.accept" });
    return await receiveAll(receive);
  });
}
