/**
 * Listening at TCP addresses.
 *
 * @module
 */

import { resolveSettings } from "../../src/options/resolve_settings.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../src/std/assert.ts";
import type { Settings } from "../../src/options/settings.ts";
import { ListenError } from "../../src/server/listen_address.ts";
import { Server } from "../../src/server/server.ts";
import { httpApp, reply } from "../helpers/http_app.ts";
import { RawConnection } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

/** Answers with what the scope says of the server and the client's host. */
const whoAndWhere = httpApp(async ({ server, client }, _receive, send) => {
  await reply(send, JSON.stringify([server, client?.[0]]));
});

/** True where the machine can listen at ::1. */
const HAS_IPV6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

/** Expects a start to fail; nothing may stay bound. */
async function failure(settings: Partial<Settings>): Promise<string> {
  const server = new Server(
    whoAndWhere,
    resolveSettings({
      noAccessLog: true,
      lifespan: "off",
      ...settings,
    }),
  );
  const { message } = await assertRejects(() => server.start(), ListenError);
  assertEquals(server.serving, false);
  return message;
}

Deno.test("port 0 is the system's choice, and the URL has the real one", async () => {
  await withServer(whoAndWhere, {}, async ({ server, url, port }) => {
    assert(port > 0);
    assertEquals(server.urls, [`http://127.0.0.1:${port}/`]);
    assertEquals(server.addresses, [{ host: "127.0.0.1", port }]);
    const response = await fetch(url);
    assertEquals(await response.json(), [["127.0.0.1", port], "127.0.0.1"]);
  });
});

Deno.test({
  name: "IPv6: the URL has brackets, the scope has not",
  ignore: !HAS_IPV6,
  async fn() {
    await withServer(
      whoAndWhere,
      { host: "::1" },
      async ({ server, url, port }) => {
        assertEquals(server.urls, [`http://[::1]:${port}/`]);
        const response = await fetch(url);
        assertEquals(await response.json(), [["::1", port], "::1"]);
      },
    );
  },
});

Deno.test("a host name is looked up", async () => {
  await withServer(
    whoAndWhere,
    { host: "localhost" },
    async ({ url, port }) => {
      assertEquals(url, `http://localhost:${port}`);
      const [server] = await (await fetch(url)).json();
      assertEquals(server, ["localhost", port]);
    },
  );
});

Deno.test("all addresses of the machine: the URL names one that a browser can open", async () => {
  await withServer(whoAndWhere, { host: "0.0.0.0" }, async ({ url, port }) => {
    assertEquals(url, `http://localhost:${port}`);
    await (await fetch(`http://127.0.0.1:${port}`)).body?.cancel();
  });
});

Deno.test("several addresses are served at once, and all given back", async () => {
  const listen = [
    { host: "127.0.0.1", port: 0 },
    { host: "127.0.0.1", port: 0 },
    ...HAS_IPV6 ? [{ host: "::1", port: 0 }] : [],
  ];
  let ports: number[] = [];
  await withServer(whoAndWhere, { listen }, async ({ server }) => {
    assertEquals(server.urls.length, listen.length);
    ports = server.addresses.map((address) =>
      "port" in address ? address.port : 0
    );
    assertEquals(new Set(ports).size, listen.length);
    for (const address of server.addresses) {
      const connection = await RawConnection.open(address);
      await connection.request("GET /");
      const { body } = await connection.response();
      connection.close();
      assert("host" in address);
      assertEquals(JSON.parse(body)[0], [address.host, address.port]);
    }
  });
  for (const [i, { host }] of listen.entries()) {
    Deno.listen({ hostname: host, port: ports[i] }).close();
  }
});

Deno.test("a port that is taken gives a sentence, and no other address stays bound", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const holder = Deno.build.os === "linux"
    ? String.raw`\S+ \(process ${Deno.pid}\)`
    : "another program";
  assertMatch(
    await failure({ port }),
    new RegExp(
      String
        .raw`^Cannot listen on 127\.0\.0\.1:${port}: address already in use by ${holder}\. Stop it, or choose another port with --port; \d+ is free\.$`,
    ),
  );
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const first = (free.addr as Deno.NetAddr).port;
  free.close();
  const message = await failure({
    listen: [{ host: "127.0.0.1", port: first }, { host: "127.0.0.1", port }],
  });
  assert(message.includes(`127.0.0.1:${port}`), message);
  Deno.listen({ hostname: "127.0.0.1", port: first }).close();
});

Deno.test("addresses that are not there give a sentence", async () => {
  const foreign = await failure({ host: "192.0.2.1", port: 0 });
  assert(
    foreign.includes("192.0.2.1:0: this machine does not have the address"),
    foreign,
  );
  const unknown = await failure({ host: "no.such.host.invalid", port: 0 });
  assert(
    unknown.includes("no address is known for no.such.host.invalid"),
    unknown,
  );
});
