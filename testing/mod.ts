/**
 * Tests of apps without a socket: `@pagi/server/testing`.
 *
 * ```ts
 * import { TestClient } from "@pagi/server/testing";
 * import app from "./app.ts";
 *
 * Deno.test("the app greets", async () => {
 *   const client = new TestClient(app);
 *   const { status, text } = await client.request("/hello?name=Ada");
 *   if (status !== 200 || text !== "Hello, Ada!") throw new Error(text);
 * });
 * ```
 *
 * @module
 */

export { type StreamEvent, TestEventStream } from "./streams.ts";
export type { CloseInfo } from "./websocket.ts";
export { PartialResponse } from "./streams.ts";
export { TestStream } from "./streams.ts";
export {
  TestClient,
  type TestClientOptions,
  type TestWebSocketOptions,
} from "./test_client.ts";
export type { TestHeaders, TestRequestOptions } from "./messages.ts";
export { DeclinedError, TestResponse } from "./messages.ts";
export { TestWebSocket } from "./websocket.ts";
export { TimeoutError } from "./exchange.ts";
