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

export { type StreamEvent, TestEventStream } from "./event_stream.ts";
export type { CloseInfo } from "./memory_socket.ts";
export { PartialResponse } from "./partial_response.ts";
export { TestStream } from "./response_stream.ts";
export {
  TestClient,
  type TestClientOptions,
  type TestWebSocketOptions,
} from "./test_client.ts";
export type { TestHeaders, TestRequestOptions } from "./test_request.ts";
export { DeclinedError, TestResponse } from "./test_response.ts";
export { TestWebSocket } from "./test_websocket.ts";
export { TimeoutError } from "./within.ts";
