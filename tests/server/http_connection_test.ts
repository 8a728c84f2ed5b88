/** `pagi.connection` as apps meet it on a real server (PAGI.md 4). */

import type { PagiConnection, Send } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

type End = "success" | "disconnect";

/** Runs `act` in an app whose request ends as said; the log afterwards. */
async function ending(
  end: End,
  act: (connection: PagiConnection, send: Send) => Promise<unknown> | void,
  after: (connection: PagiConnection) => Promise<unknown> | void = () => {},
): Promise<string[]> {
  const begun = Promise.withResolvers<void>();
  let connection: PagiConnection | undefined;
  const app = httpApp(async (scope, receive, send) => {
    connection = scope["pagi.connection"];
    await act(connection, send);
    begun.resolve();
    if (end === "success") return await reply(send);
    await readBody(receive);
    await receive();
  });
  return await withServer(app, {}, async ({ connect, server }) => {
    const client = await connect();
    await client.request("GET /path");
    await begun.promise;
    if (end === "disconnect") client.close();
    else {
      await client.response();
      client.close();
    }
    // The app has ended when the server has stopped.
    await server.stop();
    await after(connection!);
  });
}

for (
  const [end, expected] of [
    ["success", ["complete 1", "complete 2"]],
    ["disconnect", ["client_closed 1", "client_closed 2"]],
  ] as const
) {
  Deno.test(`exactly one of onDisconnect and onComplete fires: ${end} (PAGI.md 77)`, async () => {
    const fired: string[] = [];
    await ending(end, (connection) => {
      for (const i of [1, 2]) {
        connection.onComplete(() => fired.push(`complete ${i}`));
        connection.onDisconnect((reason) => fired.push(`${reason} ${i}`));
      }
    });
    assertEquals(fired, [...expected]);
  });

  Deno.test(`late registration fires at once, in the matching state only: ${end} (PAGI.md 78)`, async () => {
    await ending(end, () => {}, (connection) => {
      const fired: string[] = [];
      connection.onDisconnect(() => fired.push("disconnect"));
      connection.onComplete(() => fired.push("success"));
      assertEquals(fired, [end]);
    });
  });

  Deno.test(`a throwing callback does not stop later ones, and is logged: ${end} (PAGI.md 79)`, async () => {
    const fired: string[] = [];
    const log = await ending(end, (connection) => {
      for (const i of [1, 2]) {
        const callback = () => {
          fired.push(`${i}`);
          throw new Error(`mistake ${i}`);
        };
        connection.onComplete(callback);
        connection.onDisconnect(callback);
      }
    });
    assertEquals(fired, ["1", "2"]);
    const errors = linesOf("error", log);
    assertEquals(errors.length, 2);
    assertStringIncludes(errors[0], "mistake 1");
    assertStringIncludes(errors[1], "mistake 2");
  });
}

Deno.test("disconnected stays pending after success (PAGI.md 80)", async () => {
  let settled = false;
  await ending("success", (connection) => {
    const note = () => void (settled = true);
    connection.disconnected.then(note, note);
  }, async (connection) => {
    assertEquals(connection.disconnectReason(), null);
    const late = Promise.race([connection.disconnected, Promise.resolve("")]);
    assertEquals(await late, "");
  });
  assertEquals(settled, false);
});

Deno.test("on disconnect, state changes before callbacks run, and receive yields after them (PAGI.md 82)", async () => {
  const order: string[] = [];
  const begun = Promise.withResolvers<void>();
  const app = httpApp(async (scope, receive) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => {
      order.push(`callback ${reason}`);
      order.push(`connected ${connection.isConnected()}`);
      order.push(`reason ${connection.disconnectReason()}`);
    });
    await readBody(receive);
    begun.resolve();
    await receive();
    order.push("receive");
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await begun.promise;
    client.close();
  });
  assertEquals(order, [
    "callback client_closed",
    "connected false",
    "reason client_closed",
    "receive",
  ]);
});

Deno.test("success is declared when the app has resolved and the response is complete", async () => {
  const order: string[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    const connection = scope["pagi.connection"];
    connection.onComplete(() => order.push("complete"));
    await reply(send);
    await delay(20);
    order.push(`connected ${connection.isConnected()}`);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await client.response();
  });
  assertEquals(order, ["connected true", "complete"]);
});

Deno.test("each request on a connection has its own handle", async () => {
  const handles: PagiConnection[] = [];
  const app = httpApp((scope, _receive, send) => {
    handles.push(scope["pagi.connection"]);
    return reply(send);
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    for (let i = 0; i < 2; i++) {
      await client.request("GET /");
      await client.response();
    }
  });
  const [one, two] = handles;
  assert(one !== two);
  assertEquals([one.isConnected(), two.isConnected()], [false, false]);
});

Deno.test("middleware may copy the scope: the handle goes along", async () => {
  let fired = "";
  const inner = httpApp((scope, _receive, send) => {
    scope["pagi.connection"].onComplete(() => fired = "complete");
    return reply(send);
  });
  await withServer(
    (scope, receive, send) => inner({ ...scope }, receive, send),
    {},
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /");
      await client.response();
    },
  );
  assertEquals(fired, "complete");
});
