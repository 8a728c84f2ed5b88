/** Large bodies through the proxy: it holds little of them at any time. */

import { acceptValue } from "../../src/apps/proxy/serve_websocket.ts";
import { assertEquals, assertLess } from "../../src/std/assert.ts";
import { fieldOf, RawUpstream } from "../helpers/raw_upstream.ts";
import type { RawConnection } from "../helpers/raw_connection.ts";
import { UPGRADE } from "../helpers/raw_websocket.ts";
import { delay } from "../helpers/wait.ts";
import { withProxy } from "../helpers/with_proxy.ts";

const MB = 1_000_000;
const SIZE = 100 * MB;
/** What the buffers of four sockets may hold. */
const IN_BETWEEN = 20 * MB;

/** A sender and a reader that starts only when the sender cannot go on. */
class Flow {
  #sent = 0;
  #received = 0;

  /** Writes `size` bytes in pieces, each framed by `frame`. */
  async send(
    to: RawConnection,
    size: number,
    frame = (piece: Uint8Array) => piece,
  ): Promise<void> {
    const piece = new Uint8Array(50_000).fill(120);
    const framed = frame(piece);
    for (; this.#sent < size; this.#sent += piece.length) await to.send(framed);
  }

  /** Reads at least `size` bytes, and sees how far ahead the sender is. */
  async receive(from: RawConnection, size: number): Promise<void> {
    this.#received += from.received.length;
    for (let last = -1; last !== this.#sent;) {
      last = this.#sent;
      await delay(100);
    }
    assertLess(this.#sent, IN_BETWEEN);
    const buffer = new Uint8Array(MB);
    while (this.#received < size) {
      const count = await from.connection.read(buffer);
      if (count === null) break;
      this.#received += count;
      assertLess(this.#sent - this.#received, IN_BETWEEN);
    }
    assertEquals(this.#received >= size, true);
  }
}

Deno.test("100 MB for a client that does not read at first: the target waits", async () => {
  const flow = new Flow();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    await head();
    await raw.send(`HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n\r\n`);
    await flow.send(raw, SIZE);
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await proxy.connect();
    await client.request("GET /");
    await client.until("\r\n\r\n");
    await flow.receive(client, SIZE);
  });
});

Deno.test("100 MB for a target that does not read at first: the client waits", async () => {
  for (
    const framing of [`content-length: ${SIZE}`, "transfer-encoding: chunked"]
  ) {
    const flow = new Flow();
    await using upstream = new RawUpstream(async ({ raw, head }) => {
      await head();
      await flow.receive(raw, SIZE);
      await raw.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
      await raw.ended();
    });
    await withProxy(upstream.url, async (proxy) => {
      const client = await proxy.connect();
      await client.request("POST /", framing);
      await flow.send(
        client,
        SIZE,
        framing.endsWith("chunked") ? chunk : undefined,
      );
      if (framing.endsWith("chunked")) await client.send("0\r\n\r\n");
      assertEquals((await client.response()).body, "ok");
    });
  }
});

Deno.test("25 MB by WebSocket for a client that does not read at first: the target waits", async () => {
  const flow = new Flow();
  const ended = Promise.withResolvers<void>();
  await using upstream = new RawUpstream(async ({ raw, head }) => {
    const key = fieldOf(await head(), "sec-websocket-key") ?? "";
    await raw.send(
      "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
        `sec-websocket-accept: ${await acceptValue(key)}\r\n\r\n`,
    );
    await flow.send(raw, 25 * MB, binaryFrame);
    await raw.ended();
    ended.resolve();
  });
  await withProxy(upstream.url, async (proxy) => {
    const client = await proxy.connect();
    await client.request("GET /", ...UPGRADE);
    await client.until("\r\n\r\n");
    await flow.receive(client, 25 * MB);
    client.close();
    await ended.promise;
  });
});

function chunk(data: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${data.length.toString(16)}\r\n`);
  return joined(head, data, new Uint8Array([13, 10]));
}

/** A frame of a server, for up to 65,535 bytes. */
function binaryFrame(data: Uint8Array): Uint8Array {
  const { length } = data;
  return joined(new Uint8Array([0x82, 126, length >> 8, length & 0xff]), data);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
