/** A body that the app writes, as its reader and its writer see it. */

import { shutDoor } from "../../src/engine/door.ts";
import { takeReads } from "../../src/engine/stream.ts";
import { OutboundBody } from "../../src/server/response/outbound_body.ts";
import { TransportState } from "../../src/server/response/transport_state.ts";
import { assertEquals, assertRejects } from "../../src/std/assert.ts";

const MARKS = { high: 8, low: 4 };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A body whose reads come by the stream's public ways. */
class PublicBody extends OutboundBody {
  override start(
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): void {
    using _ = shutDoor("stream reads");
    super.start(controller);
  }
}

interface Opened {
  readonly body: OutboundBody;
  readonly transport: TransportState;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** How often the reader has cancelled. */
  cancelled: number;
}

function open(Body: typeof OutboundBody): Opened {
  const buffer = {
    get bufferedBytes(): number {
      return body.bufferedBytes;
    },
  };
  const transport = new TransportState(buffer, MARKS);
  const body: OutboundBody = new Body(transport, () => opened.cancelled++);
  const reader = body.stream.getReader();
  const opened = { body, transport, reader, cancelled: 0 };
  return opened;
}

async function next({ reader }: Opened): Promise<string | null> {
  const { done, value } = await reader.read();
  return done ? null : decoder.decode(value);
}

function write({ body }: Opened, text: string): Promise<void> {
  return body.write(encoder.encode(text));
}

/** Tells whether a promise has settled once all that could has. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const tell = () => void (settled = true);
  promise.then(tell, tell);
  for (let i = 0; i < 20; i++) await null;
  return settled;
}

for (
  const [way, Body] of [
    ["read directly", OutboundBody],
    ["read by the public ways", PublicBody],
  ] as const
) {
  Deno.test(`A body ${way} gives its pieces in order, then its end`, async () => {
    const opened = open(Body);
    write(opened, "a");
    write(opened, "b");
    assertEquals(await next(opened), "a");
    assertEquals(await next(opened), "b");
    const waiting = next(opened);
    assertEquals(await hasSettled(waiting), false);
    write(opened, "c");
    assertEquals(await waiting, "c");
    write(opened, "d");
    opened.body.end();
    assertEquals(await next(opened), "d");
    assertEquals(await next(opened), null);
    assertEquals(opened.body.written, 4);
    assertEquals(opened.cancelled, 0);
  });

  Deno.test(`A body ${way} ends for a reader that waits already`, async () => {
    const opened = open(Body);
    const waiting = next(opened);
    assertEquals(await hasSettled(waiting), false);
    opened.body.end();
    assertEquals(await waiting, null);
  });

  Deno.test(`A body ${way} gives each of several reads its piece`, async () => {
    const opened = open(Body);
    const reads = Array.from({ length: 5 }, () => next(opened));
    write(opened, "a");
    write(opened, "b");
    assertEquals(await Promise.all(reads.slice(0, 2)), ["a", "b"]);
    write(opened, "c");
    opened.body.end();
    assertEquals(await Promise.all(reads.slice(2)), ["c", null, null]);
  });

  Deno.test(`A body ${way} has its writer wait above the high mark`, async () => {
    const opened = open(Body);
    // Nobody reads yet.
    assertEquals(await hasSettled(write(opened, "1234")), true);
    const waiting = write(opened, "5678");
    assertEquals(opened.body.bufferedBytes, 8);
    assertEquals(opened.transport.full, true);
    assertEquals(await hasSettled(waiting), false);
    assertEquals(await next(opened), "1234");
    // At the low mark, not below it.
    assertEquals(await hasSettled(waiting), false);
    assertEquals(await next(opened), "5678");
    assertEquals(await hasSettled(waiting), true);
    assertEquals(opened.body.bufferedBytes, 0);
  });

  Deno.test(`A body ${way} that is cut short gives what was written, then fails`, async () => {
    const opened = open(Body);
    write(opened, "a");
    write(opened, "b");
    opened.body.abort();
    assertEquals(await next(opened), "a");
    assertEquals(await next(opened), "b");
    await assertRejects(() => next(opened), Error, "cut short");
    const other = open(Body);
    const waiting = next(other);
    waiting.catch(() => {});
    other.body.abort();
    await assertRejects(() => waiting, Error, "cut short");
  });

  Deno.test(`A body ${way} notices that its reader has left`, async () => {
    const opened = open(Body);
    write(opened, "1234");
    const waiting = write(opened, "56789");
    assertEquals(await next(opened), "1234");
    await opened.reader.cancel();
    assertEquals(await hasSettled(waiting), true);
    assertEquals(opened.cancelled, 1);
    assertEquals(opened.body.over, true);
    assertEquals(opened.body.written, 4);
    await write(opened, "nobody reads this");
    opened.body.end();
    opened.body.abort();
    assertEquals(opened.body.written, 4);
  });

  Deno.test(`A body ${way} ends the read that waits while its reader leaves`, async () => {
    const opened = open(Body);
    const waiting = next(opened);
    await opened.reader.cancel();
    assertEquals(await waiting, null);
    assertEquals(opened.cancelled, 1);
  });

  Deno.test(`A body ${way} can be read whole and in two copies`, async () => {
    const opened = open(Body);
    opened.reader.releaseLock();
    const [left, right] = opened.body.stream.tee();
    const texts = [new Response(left).text(), new Response(right).text()];
    for (const text of ["one ", "two ", "three"]) await write(opened, text);
    opened.body.end();
    assertEquals(await Promise.all(texts), ["one two three", "one two three"]);
  });
}

Deno.test("This engine's reads come to the source at once, not by pull", async () => {
  const reads: unknown[] = [];
  let pulls = 0;
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) =>
      takeReads(controller, {
        take(read) {
          reads.push(read);
          read.chunkSteps(encoder.encode("x"));
        },
      }),
    pull: () => void pulls++,
  }, { highWaterMark: 0 });
  const reader = stream.getReader();
  const read = reader.read();
  assertEquals(reads.length, 1);
  assertEquals(decoder.decode((await read).value), "x");
  assertEquals(pulls, 0);
});
