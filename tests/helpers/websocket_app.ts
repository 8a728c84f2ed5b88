/**
 * Apps for tests of the `websocket` scope.
 *
 * @module
 */

import type { PagiApp, Receive, ReceiveEvent } from "../../src/pagi/types.ts";
import { appFor, observing, type Serve } from "./scope_app.ts";

/** How a WebSocket ended, as the app is told. */
export type Disconnect = Extract<
  ReceiveEvent,
  { type: "websocket.disconnect" }
>;

/** Serves one WebSocket. */
export type ServeWebSocket = Serve<"websocket">;

/** An app for `websocket` scopes. */
export function webSocketApp(serve: ServeWebSocket): PagiApp {
  return appFor("websocket", serve);
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

/** Such an app, and a promise of what `serve` returns. */
export function observed<Result>(
  serve: Serve<"websocket", Result>,
): { app: PagiApp; result: Promise<Result> } {
  return observing("websocket", serve);
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
