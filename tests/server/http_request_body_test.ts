/**
 * Request bodies that are too large, stall, break or end too early (PAGI.md
 * 3.3, 4, 6).
 */

import type { DisconnectReason } from "../../src/pagi/types.ts";
import type { Settings } from "../../src/options/settings.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
} from "../../src/std/assert.ts";
import { httpApp, linesOf, readBody, reply } from "../helpers/http_app.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { delay, until } from "../helpers/wait.ts";
import { withServer } from "../helpers/with_server.ts";

interface Outcome {
  /** Bytes of the body that the app received. */
  received: number;
  reasons: DisconnectReason[];
  /** The event that followed the parts. */
  last: string | undefined;
  log: string[];
}

/** Serves an app that reads its body; `act` is the client. */
async function upload(
  settings: Partial<Settings>,
  act: (client: RawConnection, received: () => number) => Promise<void>,
  begin = false,
): Promise<Outcome> {
  let received = 0;
  let last: string | undefined;
  const reasons: DisconnectReason[] = [];
  const app = httpApp(async (scope, receive, send) => {
    scope["pagi.connection"].onDisconnect((reason) => reasons.push(reason));
    if (begin) {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: "begun", more: 1 });
    }
    while (true) {
      const event = await receive();
      if (event.type !== "http.request") {
        last = event.type;
        return;
      }
      received += event.body.byteLength;
      if (!event.more) break;
    }
    await reply(send, "read");
  });
  const log = await withServer(app, settings, async ({ connect }) => {
    await act(await connect(), () => received);
  });
  return { received, reasons, last, log };
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

Deno.test("a chunked body over the limit gets 413 although the client is still uploading", async () => {
  const { received, reasons, last, log } = await upload(
    { maxBodySize: 100_000 },
    async (client) => {
      await client.request("POST /", "transfer-encoding: chunked");
      // 10 MB, of which the server wants a hundredth.
      const uploading = (async () => {
        const piece = chunk("x".repeat(50_000));
        for (let i = 0; i < 200; i++) await client.send(piece);
      })().catch(() => {});
      const { status, headers, body } = await client.response();
      assertEquals([status, body], [413, "The request body is too large.\n"]);
      assert(headers.get("connection")!.startsWith("close"));
      await client.ended();
      client.close();
      await uploading;
    },
  );
  assert(received <= 100_000);
  assertEquals(reasons, ["body_too_large"]);
  assertEquals(last, "http.disconnect");
  assertEquals(linesOf("error", log), []);
});

Deno.test("a declared body over the limit gets 413 although the client is still uploading", async () => {
  const { received } = await upload({ maxBodySize: 10 }, async (client) => {
    await client.request("POST /", "content-length: 5000000");
    const uploading = client.send("x".repeat(5_000_000)).catch(() => {});
    assertEquals((await client.response()).status, 413);
    await client.ended();
    client.close();
    await uploading;
  });
  assertEquals(received, 0);
});

Deno.test("a chunked body of exactly the limit is taken, one byte more is not", async () => {
  for (const [size, status] of [[10, 200], [11, 413]]) {
    await upload({ maxBodySize: 10 }, async (client) => {
      await client.request("POST /", "transfer-encoding: chunked");
      await client.send(chunk("x".repeat(size)) + "0\r\n\r\n");
      assertEquals((await client.response()).status, status);
    });
  }
});

Deno.test("--max-body-size 0 takes a body of any size", async () => {
  const size = 12_000_000; // The default limit is 10,000,000.
  for (const framing of ["content-length", "chunked"]) {
    const { received } = await upload({ maxBodySize: 0 }, async (client) => {
      const body = "x".repeat(size);
      if (framing === "chunked") {
        await client.request("POST /", "transfer-encoding: chunked");
        await client.send(chunk(body) + "0\r\n\r\n");
      } else {
        await client.request("POST /", `content-length: ${size}`);
        await client.send(body);
      }
      assertEquals((await client.response()).status, 200);
    });
    assertEquals(received, size);
  }
});

Deno.test("a body over the limit cuts a response that has started", async () => {
  const { reasons, last } = await upload(
    { maxBodySize: 10 },
    async (client) => {
      await client.request("POST /", "transfer-encoding: chunked");
      await client.until("begun");
      await client.send(chunk("x".repeat(11)));
      const rest = await client.rest();
      assert(!rest.includes("0\r\n\r\n") && !rest.includes("413"), rest);
    },
    true,
  );
  assertEquals(reasons, ["body_too_large"]);
  assertEquals(last, "http.disconnect");
});

Deno.test("a stalled body gets 408 and client_timeout", async () => {
  const began = performance.now();
  const { received, reasons, last, log } = await upload(
    { timeout: 0.3 },
    async (client) => {
      await client.request("POST /", "content-length: 10");
      await client.send("first");
      const { status, body } = await client.response();
      const took = performance.now() - began;
      assertEquals(status, 408);
      assertEquals(body, "The request body stopped arriving.\n");
      assertGreater(took, 290);
      assertLess(took, 10_000);
      assert(await client.ended());
    },
  );
  assertEquals([received, last], [5, "http.disconnect"]);
  assertEquals(reasons, ["client_timeout"]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("a body that never begins gets 408 as well", async () => {
  const { reasons } = await upload({ timeout: 0.2 }, async (client) => {
    await client.request("POST /", "transfer-encoding: chunked");
    assertEquals((await client.response()).status, 408);
  });
  assertEquals(reasons, ["client_timeout"]);
});

Deno.test("a slow body that keeps coming is not stalled", async () => {
  const { received } = await upload({ timeout: 0.5 }, async (client) => {
    await client.request("POST /", "content-length: 6");
    for (const letter of "slowly") {
      await delay(100);
      await client.send(letter);
    }
    assertEquals((await client.response()).status, 200);
  });
  assertEquals(received, 6);
});

Deno.test("an app that is slow to ask for the body is not the client's fault", async () => {
  const app = httpApp(async (_scope, receive, send) => {
    await delay(50);
    await reply(send, await readBody(receive));
  });
  // Only a given --timeout bounds the app; this one is the default.
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "content-length: 2");
    await client.send("ok");
    assertEquals((await client.response()).body, "ok");
  });
});

Deno.test("a client that leaves in mid-body is client_closed, and no error", async () => {
  const { received, reasons, last, log } = await upload(
    {},
    async (client, received) => {
      await client.request("POST /", "content-length: 10");
      await client.send("first");
      await until(() => received() === 5);
      client.close();
    },
  );
  assertEquals([received, last], [5, "http.disconnect"]);
  assertEquals(reasons, ["client_closed"]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("a client that half-closes in mid-body has left", async () => {
  const { reasons, last, log } = await upload({}, async (client, received) => {
    await client.request("POST /", "content-length: 10");
    await client.send("first");
    await until(() => received() === 5);
    await client.connection.closeWrite();
    await client.ended();
  });
  assertEquals([reasons, last], [["client_closed"], "http.disconnect"]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("a chunk that is broken later gets 400 and protocol_error", async () => {
  const { received, reasons, last, log } = await upload(
    {},
    async (client, received) => {
      await client.request("POST /", "transfer-encoding: chunked");
      await client.send(chunk("first"));
      await until(() => received() === 5);
      await client.send("zz\r\n");
      const { status, body } = await client.response();
      assertEquals([status, body], [
        400,
        "The request body could not be read.\n",
      ]);
      assert(await client.ended());
    },
  );
  assertEquals([received, last], [5, "http.disconnect"]);
  assertEquals(reasons, ["protocol_error"]);
  assertEquals(linesOf("error", log), []);
});

Deno.test("parts of a few bytes hold a few bytes of memory each, and keep their content", async () => {
  const parts: Uint8Array[] = [];
  const app = httpApp(async (_scope, receive, send) => {
    for (;;) {
      const event = await receive();
      if (event.type !== "http.request") return;
      if (event.body.length > 0) parts.push(event.body as Uint8Array);
      if (!event.more) break;
    }
    await reply(send, "read");
  });
  await withServer(app, {}, async ({ connect }) => {
    const client = await connect();
    await client.request("POST /", "transfer-encoding: chunked");
    for (const letter of "abc") {
      await client.send(chunk(letter));
      await until(() => parts.length === "abc".indexOf(letter) + 1);
    }
    await client.send(chunk("x".repeat(20_000)) + "0\r\n\r\n");
    assertEquals((await client.response()).body, "read");
  });
  const text = parts.map((part) => new TextDecoder().decode(part)).join("");
  assertEquals(text, "abc" + "x".repeat(20_000));
  assertEquals(parts.slice(0, 3).map(({ buffer }) => buffer.byteLength), [
    1,
    1,
    1,
  ]);
});
