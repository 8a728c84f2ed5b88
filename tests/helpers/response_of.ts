/**
 * What a real server makes of the events of an app.
 *
 * @module
 */

import type { Send } from "../../src/pagi/types.ts";
import { assertEquals } from "../../src/std/assert.ts";
import { httpApp, linesOf, reply } from "./http_app.ts";
import type { RawResponse } from "./raw_connection.ts";
import { withServer } from "./with_server.ts";

/**
 * The response to one request, which `act` sends without an error in the log.
 * The next response on the connection must begin where it should.
 */
export async function responseOf(
  act: (send: Send) => Promise<unknown>,
  method = "GET",
): Promise<RawResponse> {
  let response: RawResponse | undefined;
  const app = httpApp(async (scope, _receive, send) => {
    await (scope.path === "/next" ? reply(send, "next") : act(send));
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request(`${method} /`);
    response = await client.response(method === "HEAD");
    await client.request("GET /next");
    assertEquals((await client.response()).body, "next");
  });
  assertEquals(linesOf("error", log), []);
  return response!;
}
