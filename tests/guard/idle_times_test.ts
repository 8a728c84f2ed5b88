import { assert, assertLess } from "../../src/std/assert.ts";
import type { RequestOrigin } from "../../src/guard/connections.ts";
import { delay, until } from "../helpers/wait.ts";
import { GuardedServer } from "./guarded_server.ts";

Deno.test("idleTimes() tells for how long nothing went either way", async () => {
  let last: RequestOrigin | undefined;
  await using server = new GuardedServer((_request, origin) => {
    last = origin;
    return new Response("hello");
  });
  using client = await server.connect();
  await client.request("GET /");
  await client.response();
  await delay(120);
  await client.send("GET /");
  await delay(60);
  const { sent, received } = server.guard.idleTimes(last!)!;
  assert(sent >= 150 && received >= 40, `${sent}, ${received}`);
  assertLess(received, sent - 80);
  client.close();
  await until(() => server.guard.idleTimes(last!) === null);
});
