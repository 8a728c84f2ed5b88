/** Apps that fail, and apps that do not answer (PAGI.md 3.1). */

import type { PagiConnection } from "../../src/pagi/types.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "../../src/std/assert.ts";
import {
  httpApp,
  linesOf,
  reply,
  type ServeHttp,
} from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { withServer } from "../helpers/with_server.ts";

interface Outcome {
  /** All that came until the server closed the connection. */
  wire: string;
  errors: string[];
  connection: PagiConnection;
  /** The callbacks of `pagi.connection` that fired. */
  fired: string[];
}

/** GET /path?query of an app that fails; the connection must close. */
async function outcome(
  serve: ServeHttp,
  during: (client: RawConnection) => Promise<void> = async () => {},
): Promise<Outcome> {
  let wire = "";
  let connection: PagiConnection | undefined;
  const fired: string[] = [];
  const app = httpApp((scope, receive, send) => {
    connection = scope["pagi.connection"];
    connection.onComplete(() => fired.push("complete"));
    connection.onDisconnect((reason) => fired.push(reason));
    return serve(scope, receive, send);
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /path?query");
    await during(client);
    wire = await client.rest();
  });
  return {
    wire,
    errors: linesOf("error", log),
    connection: connection!,
    fired,
  };
}

function assertPlain500({ wire, errors, connection, fired }: Outcome): void {
  assertMatch(wire, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
  assertStringIncludes(wire, "connection: close\r\n");
  assertMatch(wire, /\r\n\r\nInternal Server Error\n$/);
  assertEquals(wire.split("HTTP/1.1").length, 2);
  assertEquals(errors.length, 1);
  assertStringIncludes(errors[0], "GET /path");
  assertEquals(connection.disconnectReason(), "server_error");
  assertEquals(connection.isConnected(), false);
  assertEquals(fired, ["server_error"]);
}

Deno.test("resolving without a start gives 500 and a log entry (PAGI.md 43)", async () => {
  const result = await outcome(() => Promise.resolve());
  assertPlain500(result);
  assertStringIncludes(result.errors[0], "without a response");
});

Deno.test("an app that gives a Response is told what gives one", async () => {
  const give: () => Promise<unknown> = () =>
    Promise.resolve(new Response("lost"));
  const result = await outcome(give as ServeHttp);
  assertPlain500(result);
  assertStringIncludes(result.errors[0], "Only fetch handlers return one");
});

Deno.test("throwing before start gives 500 and closes (PAGI.md 45)", async () => {
  const result = await outcome(() => Promise.reject(new Error("my mistake")));
  assertPlain500(result);
  assertStringIncludes(result.errors[0], "my mistake");
  // The stack helps; the client does not see it.
  assertStringIncludes(result.errors[0], "http_failure_test.ts");
  assert(!result.wire.includes("mistake"));
});

Deno.test("throwing at once, not in a promise, is the same (PAGI.md 45)", async () => {
  assertPlain500(
    await outcome(() => {
      throw new Error("at once");
    }),
  );
});

Deno.test("whatever is thrown is logged", async () => {
  const hostile = {
    get message() {
      throw new Error("hidden");
    },
  };
  for (const thrown of [undefined, null, "text", 0, Symbol("s"), hostile]) {
    assertPlain500(await outcome(() => Promise.reject(thrown)));
  }
});

Deno.test("an app that returns no promise has returned", async () => {
  assertPlain500(await outcome(() => undefined as unknown as Promise<void>));
});

Deno.test("responseStarted() is true after the 500 backstop (PAGI.md 81)", async () => {
  const { connection } = await outcome(() => Promise.resolve());
  assertEquals(connection.responseStarted(), true);
  assertEquals(connection.responseComplete(), true);
});

Deno.test("throwing mid-body writes no second status line and no terminator (PAGI.md 46)", async () => {
  const result = await outcome(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "part", more: 1 });
    throw new Error("in the middle");
  });
  assertMatch(result.wire, /^HTTP\/1\.1 200 OK\r\n/);
  assertMatch(result.wire, /\r\n\r\n4\r\npart\r\n$/);
  assertEquals(result.wire.split("HTTP/1.1").length, 2);
  assertEquals(result.errors.length, 1);
  assertStringIncludes(result.errors[0], "GET /path");
  assertStringIncludes(result.errors[0], "in the middle");
  assertEquals(result.fired, ["server_error"]);
});

Deno.test("throwing between start and body cannot become a 500", async () => {
  const result = await outcome(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 201 });
    throw new Error("just then");
  });
  assertMatch(result.wire, /^HTTP\/1\.1 201 Created\r\n/);
  assertMatch(result.wire, /\r\n\r\n$/);
  assertEquals(result.wire.split("\r\n\r\n").length, 2);
  assertEquals(result.errors.length, 1);
  assertEquals(result.fired, ["server_error"]);
});

Deno.test("resolving mid-body is logged and closes without terminator", async () => {
  const result = await outcome(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "part", more: 1 });
  });
  assertMatch(result.wire, /\r\n\r\n4\r\npart\r\n$/);
  assertEquals(result.errors.length, 1);
  assertStringIncludes(result.errors[0], "GET /path");
  assertEquals(result.fired, ["server_error"]);
});

Deno.test("resolving after start alone is logged and closes", async () => {
  const result = await outcome(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
  });
  assertMatch(result.wire, /^HTTP\/1\.1 200 OK\r\n/);
  assertEquals(result.errors.length, 1);
  assertEquals(result.fired, ["server_error"]);
});

/** Sends `pieces` after a head that announces ten bytes. */
function announcingTen(...pieces: string[]): ServeHttp {
  return async (_scope, _receive, send) => {
    await send({
      type: "http.response.start",
      status: 200,
      headers: [["content-length", "10"]],
    });
    for (const [i, body] of pieces.entries()) {
      const more = i < pieces.length - 1;
      await send({ type: "http.response.body", body, more });
    }
  };
}

for (
  const [title, pieces, wire, error] of [
    ["too short in two events", ["four", ""], "four", "4 of 10 bytes"],
    ["too short in one event", ["four"], null, "4 of 10 bytes"],
    ["empty", [""], null, "0 of 10 bytes"],
    ["too long in one event", ["twelve bytes"], null, "12 bytes, more than"],
    ["too long at first", ["twelve bytes", ""], null, "12 bytes, more than"],
    ["too long at last", ["four", "and more"], "four", "12 bytes, more than"],
    [
      "too long, in UTF-8",
      ["h\u00e9ll\u00f6, w\u00f6"],
      null,
      "12 bytes, more",
    ],
    ["too short and long to count", ["x".repeat(9)], null, "9 of 10 bytes"],
    [
      "very long",
      ["x".repeat(100_000)],
      null,
      "100000 bytes, more than the 10",
    ],
  ] as const
) {
  Deno.test(`a body that is ${title} for its content-length is not passed off as whole`, async () => {
    const result = await outcome(announcingTen(...pieces));
    if (wire === null) {
      assertMatch(result.wire, /^HTTP\/1\.1 500 Internal Server Error\r\n/);
    } else {
      assertMatch(result.wire, /content-length: 10\r\n/);
      assert(result.wire.endsWith(`\r\n\r\n${wire}`));
    }
    assertEquals(result.errors.length, 1);
    assertStringIncludes(result.errors[0], error);
    assertStringIncludes(result.errors[0], "GET /path");
    assertEquals(result.fired, ["server_error"]);
  });
}

Deno.test("a body beyond a content-length that was reached is logged", async () => {
  const result = await outcome(announcingTen("ten bytes.", "more"));
  assert(result.wire.endsWith("\r\n\r\nten bytes."));
  assertEquals(result.errors.length, 1);
  assertStringIncludes(result.errors[0], "14 bytes, more than the 10");
});

Deno.test("a content-length that is no number makes send reject", async () => {
  const result = await outcome(async (_scope, _receive, send) => {
    const headers: [string, string][] = [["content-length", "ten"]];
    await send({ type: "http.response.start", status: 200, headers });
  });
  assertPlain500(result);
  assertStringIncludes(result.errors[0], 'content-length "ten"');
});

Deno.test("throwing after the whole response is logged and harms nobody", async () => {
  const fired: string[] = [];
  const app = httpApp(async (scope, _receive, send) => {
    scope["pagi.connection"].onComplete(() => fired.push("complete"));
    scope["pagi.connection"].onDisconnect((reason) => fired.push(reason));
    await reply(send, "whole");
    throw new Error("afterwards");
  });
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    for (let i = 0; i < 2; i++) {
      await client.request("GET /path");
      assertEquals((await client.response()).body, "whole");
    }
  });
  const errors = linesOf("error", log);
  assertEquals(errors.length, 2);
  assertStringIncludes(errors[0], "GET /path");
  assertStringIncludes(errors[0], "afterwards");
  assertEquals(fired, ["complete", "complete"]);
});

Deno.test("an app that does not support a scope gives 500", async () => {
  const app = httpApp((_scope, _receive, send) => reply(send));
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("GET /events", "accept: text/event-stream");
    assertMatch(await client.rest(), /^HTTP\/1\.1 500 /);
  });
  const [error] = linesOf("error", log);
  assertStringIncludes(error, "GET /events");
  assertStringIncludes(error, "sse is not supported");
});

Deno.test("an app that does not wait for its file may lose it, and nothing hangs", async () => {
  for (const slice of [{}, { offset: 1 }]) {
    const sent: Promise<void>[] = [];
    const { errors, fired } = await outcome(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      const file = new URL(import.meta.url).pathname;
      sent.push(send({ type: "http.response.body", file, ...slice }));
    });
    assertEquals(errors.length, 1);
    assertStringIncludes(errors[0], "in the middle");
    assertEquals(fired, ["server_error"]);
    await Promise.allSettled(sent);
  }
});

Deno.test("a HEAD request to a failing app gets a 500 without a body", async () => {
  const app = httpApp(() => Promise.reject(new Error("no")));
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("HEAD /");
    const wire = await client.rest();
    assertMatch(wire, /^HTTP\/1\.1 500 [^]*\r\n\r\n$/);
    assertEquals(wire.split("\r\n\r\n"), [wire.slice(0, -4), ""]);
  });
});

Deno.test("a hostile path is escaped in the log", async () => {
  const app = httpApp(() => Promise.resolve());
  const log = await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request('GET /%0A"\xc2\x9b\\');
    await client.rest();
  });
  const [error] = linesOf("error", log);
  assertStringIncludes(error, 'GET /%0A"');
  assert(!/\p{Cc}/u.test(error.trimEnd()));
});

Deno.test("an app that is out of descriptors answers 503: that passes (PAGI.md 102)", async () => {
  for (const code of ["EMFILE", "ENFILE"]) {
    const { wire, errors } = await outcome(() =>
      Promise.reject(Object.assign(new Error("Too many open files"), { code }))
    );
    assertMatch(wire, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
    assertStringIncludes(wire, "The server has too many files open.");
    assertStringIncludes(wire, "retry-after: 5\r\n");
    // It is no fault of the app: a warning says it, without a stack.
    assertEquals(errors.length, 0);
  }
});
