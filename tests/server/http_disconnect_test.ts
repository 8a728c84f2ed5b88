/** Clients that leave, half-close, reset or stall (PAGI.md 3.1, 3.3, 4). */

import type { PagiConnection, Send } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import { assert, assertEquals, assertLess } from "../../src/std/assert.ts";
import {
  httpApp,
  linesOf,
  readBody,
  reply,
  type ServeHttp,
} from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const PIECE = new Uint8Array(50_000).fill(120);

interface Visit {
  /** The app has been called. */
  readonly begun: Promise<void>;
  /** The app has settled. */
  readonly ended: Promise<void>;
  connection(): PagiConnection;
  /** The callbacks of `pagi.connection` that fired. */
  readonly fired: string[];
}

/** One visit of a client; its app must cause no error in the log. */
async function visit(
  serve: ServeHttp,
  act: (client: RawConnection, visit: Visit) => Promise<void>,
  settings: Partial<Settings> = {},
): Promise<Visit> {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let connection: PagiConnection | undefined;
  const fired: string[] = [];
  const app = httpApp(async (scope, receive, send) => {
    connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => fired.push(reason));
    connection.onComplete(() => fired.push("complete"));
    begun.resolve();
    try {
      await serve(scope, receive, send);
    } finally {
      ended.resolve();
    }
  });
  const seen = {
    begun: begun.promise,
    ended: ended.promise,
    connection: () => connection!,
    fired,
  };
  const log = await withServer(app, settings, async ({ connect }) => {
    await act(await connect(), seen);
    await seen.ended;
  });
  assertEquals(linesOf("error", log), []);
  return seen;
}

/** Streams until the client has gone; the number of pieces sent. */
async function streamWhile(
  connection: PagiConnection,
  send: Send,
  limit = 10_000,
): Promise<number> {
  let count = 0;
  await send({ type: "http.response.start", status: 200 });
  while (connection.isConnected() && count < limit) {
    count++;
    await send({ type: "http.response.body", body: PIECE, more: 1 });
  }
  return count;
}

Deno.test("a client that leaves before the response is client_closed", async () => {
  let event = "";
  const { connection, fired } = await visit(
    async (scope, receive) => {
      await receive();
      event = (await receive()).type;
      assertEquals(scope["pagi.connection"].isConnected(), false);
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      client.close();
    },
  );
  assertEquals(event, "http.disconnect");
  assertEquals(fired, ["client_closed"]);
  assertEquals(connection().disconnectReason(), "client_closed");
  assertEquals(connection().responseStarted(), false);
});

Deno.test("resolving without a start after a disconnect gives no 500 and no log entry (PAGI.md 44)", async () => {
  const { connection, fired } = await visit(
    async (scope) => {
      await scope["pagi.connection"].disconnected;
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      client.close();
    },
  );
  assertEquals(fired, ["client_closed"]);
  assertEquals(connection().responseStarted(), false);
});

Deno.test("the same where the app asked for nothing (PAGI.md 44)", async () => {
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const app = httpApp(async () => {
    begun.resolve();
    await ended.promise;
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /");
    await begun.promise;
    client.close();
    await delay(30);
    ended.resolve();
  });
  assertEquals(linesOf("error", log), []);
});

Deno.test("an app that throws because its client has left causes no error", async () => {
  await visit(
    async (scope) => {
      throw new Error(await scope["pagi.connection"].disconnected);
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      client.close();
    },
  );
});

Deno.test("send after the disconnect resolves and writes nothing, even if the event is wrong (PAGI.md 7)", async () => {
  const { connection } = await visit(
    async (scope, _receive, send) => {
      await scope["pagi.connection"].disconnected;
      await reply(send, "nobody reads");
      await send({ type: "http.response.start", status: 1 });
      await send({ type: "unknown" } as unknown as Parameters<Send>[0]);
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      client.close();
    },
  );
  assertEquals(connection().responseStarted(), false);
});

Deno.test("a client that leaves in mid-response frees the writer that waits (PAGI.md 7)", async () => {
  let sent = 0;
  let event = "";
  const { fired, connection } = await visit(
    async (scope, receive, send) => {
      await receive();
      sent = await streamWhile(scope["pagi.connection"], send);
      // All of it resolves, and nothing more is kept.
      await streamWhile(scope["pagi.connection"], send);
      assertEquals(scope["pagi.transport"]!.bufferedAmount(), 0);
      event = (await receive()).type;
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      await client.read(10_000);
      client.close();
    },
  );
  assertLess(sent, 10_000);
  assertEquals(fired, ["client_closed"]);
  assertEquals(event, "http.disconnect");
  assertEquals(connection().responseComplete(), false);
});

Deno.test("a client that leaves between two pieces is noticed without a write", async () => {
  const { fired } = await visit(
    async (scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "a", more: 1 });
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await client.request("GET /");
      await client.until("a");
      client.close();
    },
  );
  assertEquals(fired, ["client_closed"]);
});

Deno.test("a client that half-closes has left: the engine answers it no more", async () => {
  const { fired } = await visit(
    async (scope, _receive, send) => {
      await scope["pagi.connection"].disconnected;
      await reply(send, "late");
    },
    async (client, { begun }) => {
      await client.request("GET /");
      await begun;
      await client.connection.closeWrite();
      assertEquals(await client.rest(), "");
    },
  );
  assertEquals(fired, ["client_closed"]);
});

Deno.test("a client that half-closes at once is answered where the app is as fast", async () => {
  const { fired } = await visit(
    (_scope, _receive, send) => reply(send, "fast"),
    async (client) => {
      await client.request("GET /");
      await client.connection.closeWrite();
      assert((await client.rest()).endsWith("fast"));
    },
  );
  assertEquals(fired, ["complete"]);
});

Deno.test("a client that half-closes in mid-response has left", async () => {
  const { fired } = await visit(
    async (scope, _receive, send) => {
      await streamWhile(scope["pagi.connection"], send);
    },
    async (client) => {
      await client.request("GET /");
      await client.read(1000);
      await client.connection.closeWrite();
      await client.ended();
    },
  );
  assertEquals(fired, ["client_closed"]);
});

Deno.test("a client that leaves after the response has nothing to do with it", async () => {
  let events: string[] = [];
  const left = Promise.withResolvers<void>();
  const { fired, connection } = await visit(
    async (_scope, receive, send) => {
      await reply(send, "whole");
      await left.promise;
      events = [(await receive()).type, (await receive()).type];
    },
    async (client) => {
      await client.request("GET /");
      await client.response();
      client.close();
      await delay(20);
      left.resolve();
    },
  );
  assertEquals(events, ["http.disconnect", "http.disconnect"]);
  assertEquals(fired, ["complete"]);
  assertEquals(connection().disconnectReason(), null);
  assertEquals(connection().isConnected(), false);
});

Deno.test("a client that leaves after its body was read is client_closed", async () => {
  const read = Promise.withResolvers<void>();
  const { fired } = await visit(
    async (scope, receive) => {
      await readBody(receive);
      read.resolve();
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await client.send(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody",
      );
      await read.promise;
      client.close();
    },
  );
  assertEquals(fired, ["client_closed"]);
});

Deno.test("a client that leaves after its body came in pieces is noticed from outside the engine", async () => {
  const read = Promise.withResolvers<void>();
  const began = performance.now();
  const { fired } = await visit(
    async (scope, receive) => {
      await readBody(receive);
      read.resolve();
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await client.request("POST /", "content-length: 4");
      await delay(10);
      await client.send("body");
      await read.promise;
      client.close();
    },
  );
  assertEquals(fired, ["client_closed"]);
  assertLess(performance.now() - began, 10_000);
});

Deno.test("so is one whose body nobody reads", async () => {
  const { fired } = await visit(
    async (scope) => {
      await scope["pagi.connection"].disconnected;
    },
    async (client, { begun }) => {
      await client.request("POST /", "content-length: 1000");
      await begun;
      await client.send("part");
      client.close();
    },
  );
  assertEquals(fired, ["client_closed"]);
});

Deno.test("a client that reads nothing more meets the deadline: write_timeout", async () => {
  const began = performance.now();
  const { fired } = await visit(
    async (scope, _receive, send) => {
      await streamWhile(scope["pagi.connection"], send);
    },
    async (client, { ended }) => {
      await client.request("GET /");
      await client.read(1000);
      await ended;
    },
    { timeout: 0.5 },
  );
  assertEquals(fired, ["write_timeout"]);
  assertLess(performance.now() - began, 10_000);
});

Deno.test("the server's stop reaches a request that does not end: server_shutdown", async () => {
  const fired: string[] = [];
  const begun = Promise.withResolvers<void>();
  const app = httpApp(async (scope) => {
    const connection = scope["pagi.connection"];
    connection.onDisconnect((reason) => fired.push(reason));
    begun.resolve();
    await connection.disconnected;
  });
  const log = await withServer(
    app,
    { shutdownTimeout: 0.1 },
    async ({ connect }) => {
      const client = await connect();
      await client.request("GET /endless");
      await begun.promise;
    },
  );
  // The test's client has left by then, or the deadline came first.
  assert(["client_closed", "server_shutdown"].includes(fired.join()));
  assertEquals(linesOf("error", log), []);
});

Deno.test("the engine does not tell of a client that leaves while it sends a whole file", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(20_000_000));
    const { fired } = await visit(
      async (_scope, _receive, send) => {
        await send({ type: "http.response.start", status: 200 });
        await send({ type: "http.response.body", file });
      },
      async (client) => {
        await client.request("GET /");
        await client.read(1000);
        client.close();
      },
    );
    assertEquals(fired, ["complete"]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("an app that sends on and on to nobody leaves others their turn", async () => {
  const app = httpApp(async (scope, _receive, send) => {
    if (scope.path !== "/endless") return await reply(send, "served");
    let turns = true;
    const connection = scope["pagi.connection"];
    connection.onDisconnect(() => setTimeout(() => turns = false, 50));
    await send({ type: "http.response.start", status: 200 });
    while (turns) {
      await send({ type: "http.response.body", body: PIECE, more: 1 });
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /endless");
    await client.until("\r\n\r\n");
    client.close();
    const other = await connect();
    await other.request("GET /");
    assertEquals((await other.response()).body, "served");
  });
});

/** An app that does `step` until a timer has its turn, or far too often. */
async function stepUntilTurn(step: () => Promise<unknown>): Promise<boolean> {
  let turned = false;
  const timer = setTimeout(() => turned = true, 20);
  for (let steps = 0; steps < 1_000_000 && !turned; steps++) await step();
  clearTimeout(timer);
  return turned;
}

Deno.test("an app that sends on for HEAD, or receives on after the end, leaves others their turn", async () => {
  const turned: boolean[] = [];
  const app = httpApp(async (scope, receive, send) => {
    if (scope.method === "HEAD") {
      await send({ type: "http.response.start", status: 200 });
      const piece = { type: "http.response.body", body: PIECE, more: 1 };
      turned.push(await stepUntilTurn(() => send(piece as never)));
    } else {
      await reply(send, "served");
      turned.push(await stepUntilTurn(receive));
    }
  });
  await withServer(app, {}, async ({ connect }) => {
    for (const method of ["HEAD", "GET"]) {
      const client = await connect();
      await client.request(`${method} /`);
      await client.until("\r\n\r\n");
    }
  });
  assertEquals(turned, [true, true]);
});
