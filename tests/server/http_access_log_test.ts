/** What the access log says of HTTP requests (PAGI.md 6). */

import type { Settings } from "../../src/options/settings.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
} from "../../src/std/assert.ts";
import { httpApp, reply, type ServeHttp } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { delay } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

const FORMAT = "%m %U%q %s %B %D %H %h %{X-Name}i";
interface Line {
  /** Method and target. */
  request: string;
  status: string;
  bytes: number;
  /** Milliseconds. */
  duration: number;
  rest: string;
}

/** The text of the access log after `act`. */
async function accessLog(
  serve: ServeHttp,
  act: (client: RawConnection, url: string) => Promise<void>,
  settings: Partial<Settings> = {},
): Promise<string> {
  const accessLog = await Deno.makeTempFile();
  try {
    await withServer(
      httpApp(serve),
      { accessLog, ...settings },
      async ({ connect, url }) => await act(await connect(), url),
    );
    return await Deno.readTextFile(accessLog);
  } finally {
    await Deno.remove(accessLog);
  }
}

/** The one line that a request leaves. */
async function lineOf(
  request: string,
  serve: ServeHttp,
  act: (client: RawConnection) => Promise<unknown> = (client) =>
    client.response(request.startsWith("HEAD")),
  settings: Partial<Settings> = {},
): Promise<Line> {
  const text = await accessLog(serve, async (client) => {
    const [line, ...headers] = request.split("\n");
    await client.request(line, ...headers);
    await act(client);
  }, { accessLogFormat: FORMAT, ...settings });
  assertEquals(text.split("\n").length, 2, text);
  const [method, target, status, bytes, duration, ...rest] = text.trimEnd()
    .split(" ");
  return {
    request: `${method} ${target}`,
    status,
    bytes: Number(bytes),
    duration: Number(duration) / 1000,
    rest: rest.join(" "),
  };
}

Deno.test("the default line matches clf (PAGI.md 103)", async () => {
  const text = await accessLog(
    (_scope, _receive, send) => reply(send, "hello"),
    async (client) => {
      await client.request("GET /a%20b?c=d");
      await client.response();
    },
  );
  assertMatch(
    text,
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a%20b\?c=d" 200 \d+\.\d{3}s\n$/,
  );
});

Deno.test("a reply in one piece", async () => {
  const line = await lineOf(
    "GET /one?a=b&c\nX-Name: value",
    async (_scope, _receive, send) => {
      await delay(30);
      await reply(send, "héllo", [], 201);
    },
  );
  const { request, status, bytes, rest } = line;
  assertEquals({ request, status, bytes, rest }, {
    request: "GET /one?a=b&c",
    status: "201",
    bytes: 6,
    rest: "HTTP/1.1 127.0.0.1 value",
  });
  assertGreater(line.duration, 28);
  assertLess(line.duration, 1000);
});

Deno.test("a streamed reply counts all bytes and the whole time", async () => {
  const { status, bytes, duration } = await lineOf(
    "GET /",
    async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "é", more: 1 });
      await delay(30);
      await send({
        type: "http.response.body",
        body: new Uint8Array(100_000),
        more: 1,
      });
      await send({ type: "http.response.body", body: "end" });
    },
  );
  assertEquals([status, bytes], ["200", 100_005]);
  assertGreater(duration, 28);
});

Deno.test("a file counts its bytes, whole or in part", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(200_000));
    for (const [length, expected] of [[undefined, 200_000], [150, 150]]) {
      const { bytes } = await lineOf(
        "GET /",
        async (_scope, _receive, send) => {
          await send({ type: "http.response.start", status: 200 });
          await send({ type: "http.response.body", file, length });
        },
      );
      assertEquals(bytes, expected);
    }
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("HEAD, 204 and 304 have no bytes", async () => {
  const streamed: ServeHttp = async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: "body", more: 1 });
    await send({ type: "http.response.body" });
  };
  const whole = (status: number): ServeHttp => (_scope, _receive, send) =>
    reply(send, "body", [["content-length", "4"]], status);
  assertEquals((await lineOf("HEAD /", whole(200))).bytes, 0);
  assertEquals((await lineOf("HEAD /", streamed)).bytes, 0);
  for (const status of [204, 304]) {
    const line = await lineOf("GET /", whole(status));
    assertEquals([line.status, line.bytes], [String(status), 0]);
  }
});

Deno.test("what a wrong content-length stops does not count", async () => {
  const { bytes } = await lineOf("GET /", async (_scope, _receive, send) => {
    const headers: [string, string][] = [["content-length", "5"]];
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body", body: "hel", more: 1 });
    await send({ type: "http.response.body", body: "lo, world" });
  }, (client) => client.rest());
  assertEquals(bytes, 3);
});

Deno.test("a response that the app cut short counts what was sent", async () => {
  const { status, bytes } = await lineOf(
    "GET /",
    async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "part", more: 1 });
      throw new Error("in the middle");
    },
    (client) => client.rest(),
  );
  assertEquals([status, bytes], ["200", 4]);
});

Deno.test("a failing app has the 500 that the client got", async () => {
  const { status, bytes } = await lineOf(
    "GET /",
    () => Promise.reject(new Error("no")),
  );
  assertEquals([status, bytes], ["500", "Internal Server Error\n".length]);
});

Deno.test("a client that leaves before the response has no status", async () => {
  const begun = Promise.withResolvers<void>();
  const { request, status, bytes } = await lineOf(
    "GET /left?early",
    async (scope) => {
      begun.resolve();
      await scope["pagi.connection"].disconnected;
    },
    async (client) => {
      await begun.promise;
      client.close();
    },
  );
  assertEquals([request, status, bytes], ["GET /left?early", "-", 0]);
});

Deno.test("a client that leaves in mid-response has what it was sent", async () => {
  const piece = new Uint8Array(50_000);
  let sent = 0;
  const { status, bytes } = await lineOf(
    "GET /",
    async (scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      while (scope["pagi.connection"].isConnected()) {
        await send({ type: "http.response.body", body: piece, more: 1 });
        sent += piece.length;
      }
    },
    async (client) => {
      await client.read(200_000);
      client.close();
    },
  );
  assertEquals(status, "200");
  assertGreater(bytes, 190_000);
  // What still waited is not counted.
  assert(bytes < sent, `${bytes} of ${sent}`);
});

Deno.test("a client that left unnoticed has the reply that nobody read", async () => {
  const begun = Promise.withResolvers<void>();
  const { status, bytes } = await lineOf(
    "GET /",
    async (_scope, _receive, send) => {
      begun.resolve();
      await delay(30);
      await reply(send, "hello");
    },
    async (client) => {
      await begun.promise;
      client.close();
    },
  );
  assertEquals([status, bytes], ["200", 5]);
});

Deno.test("a refused request has its line: path, query, status and bytes", async () => {
  for (
    const [request, status] of [
      ["POST /a%20b?c=d\ncontent-length: 11", "413"],
      ["GET /a%20b?c=d\ntransfer-encoding: gzip, chunked", "501"],
    ]
  ) {
    let body = "";
    const line = await lineOf(
      request + "\nX-Name: value",
      () => Promise.reject(new Error("not called")),
      async (client) => {
        body = (await client.response()).body;
      },
      { maxBodySize: 10 },
    );
    assertEquals(line.request, request.split("\n")[0]);
    assertEquals(line.status, status);
    assertEquals(line.bytes, body.length);
    assertEquals(line.rest, "HTTP/1.1 127.0.0.1 value");
    assertLess(line.duration, 1000);
  }
});

Deno.test("a refused method is written as it was sent", async () => {
  const line = await lineOf(
    "post /\ncontent-length: 11",
    () => Promise.reject(new Error("not called")),
    (client) => client.response(),
    { maxBodySize: 10 },
  );
  assertEquals(line.request, "post /");
});

Deno.test("a hostile target cannot forge a line", async () => {
  const text = await accessLog(
    (_scope, _receive, send) => reply(send),
    async (client) => {
      await client.send(
        'GET /"\xc2\x9b\\?"%0A HTTP/1.1\r\nHost: localhost\r\n\r\n',
      );
      await client.response();
      await client.send('GET /"\xc2\x9b\\?" HTTP/1.1\r\nHost: a b\r\n\r\n');
      await client.response();
    },
    { accessLogFormat: '"%U%q" %s' },
  );
  assertEquals(
    text,
    String.raw`"/\x22\xC2\x9B\x5C?\x22%0A" 200` + "\n" +
      String.raw`"/\x22\xC2\x9B\x5C?\x22" 400` + "\n",
  );
});

Deno.test("pipelined requests have their lines in order", async () => {
  const text = await accessLog(
    (_scope, _receive, send) => reply(send),
    async (client) => {
      for (const path of ["/1", "/2", "/3"]) {
        await client.request(`GET ${path}`);
      }
      for (let i = 0; i < 3; i++) await client.response();
    },
    { accessLogFormat: "%U" },
  );
  assertEquals(text, "/1\n/2\n/3\n");
});

Deno.test("--no-access-log writes nothing", async () => {
  const text = await accessLog(
    (_scope, _receive, send) => reply(send),
    async (client) => {
      await client.request("GET /");
      await client.response();
    },
    { noAccessLog: true, accessLog: null },
  );
  assertEquals(text, "");
});

Deno.test("an upload that ends early is written as 400, also where its client has left", async () => {
  const reading: ServeHttp = async (_scope, receive) => {
    while ((await receive()).type === "http.request");
  };
  const upload = "POST /up\ncontent-length: 10";
  const ended = await lineOf(upload, reading, async (client) => {
    await client.send("half");
    await client.connection.closeWrite();
    assertEquals((await client.response()).status, 400);
  });
  assertEquals(ended.status, "400");
  const left = await lineOf(upload, reading, async (client) => {
    await client.send("half");
    await delay(20);
    client.close();
  });
  assertEquals(left.status, "400");
});
