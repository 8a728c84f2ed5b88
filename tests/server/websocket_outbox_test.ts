import { assertEquals } from "../../src/std/assert.ts";
import { WebSocketOutbox } from "../../src/server/websocket/outbox.ts";

/** An outbox whose bytes leave when the test says so. */
class Level {
  bufferedAmount = 0;
  readonly outbox = new WebSocketOutbox({ high: 1000, low: 100 }, false);

  constructor() {
    this.outbox.open(this as unknown as WebSocket);
  }

  send(message: string): void {
    this.bufferedAmount += message.length;
  }

  /** Sends; tells whether the next message has to wait. */
  async waits(length: number): Promise<boolean> {
    let waits = true;
    this.outbox.send("x".repeat(length)).then(() => waits = false);
    await Promise.resolve();
    return waits;
  }
}

Deno.test("a send waits from the high mark until the buffer is below the low one, whatever is sent meanwhile (PAGI.md 83)", async () => {
  const level = new Level();
  const seen: string[] = [];
  level.outbox.transport
    .onHighWater(() => seen.push("high"))
    .onDrain(() => seen.push("drain"));
  assertEquals(await level.waits(999), false);
  assertEquals(await level.waits(1), true);
  level.bufferedAmount = 500;
  assertEquals(await level.waits(1), true);
  assertEquals(await level.waits(1), true);
  const last = level.outbox.send("x");
  level.bufferedAmount = 50;
  await last;
  assertEquals(await level.waits(1), false);
  assertEquals(seen, ["high", "drain"]);
  level.outbox.end();
});

Deno.test("messages that have left do not count (PAGI.md 83)", async () => {
  const level = new Level();
  for (let i = 0; i < 20; i++) {
    assertEquals(await level.waits(900), false);
    level.bufferedAmount = 0;
  }
});
