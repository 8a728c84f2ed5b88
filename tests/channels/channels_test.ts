/** Channels within one thread: names, messages, order, bounds and gaps. */

import { Channels, threadChannels } from "../../src/channels/channels.ts";
import { EventQueue } from "../../src/channels/event_queue.ts";
import { Hub } from "../../src/channels/hub.ts";
import {
  createMessage,
  MAX_MESSAGE_BYTES,
} from "../../src/channels/message.ts";
import { join, publish, subscribe } from "../../src/channels/mod.ts";
import { configureLog } from "../../src/log/log.ts";
import type { ChannelEvent } from "../../src/pagi/types.ts";
import {
  AT,
  DROPS,
  newCounters,
  RequestCounters,
} from "../../src/metrics/counters.ts";
import { CounterSums } from "../../src/metrics/threads.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertThrows,
} from "../../src/std/assert.ts";

async function take(
  events: AsyncIterator<ChannelEvent>,
  count: number,
): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) {
    const { value } = await events.next();
    taken.push(value.type === "channel.gap" ? [value.missed] : value.message);
  }
  return taken;
}

Deno.test("subscribers get what is published from then on, in order, and others nothing", async () => {
  publish("news", "before");
  using first = closing(subscribe("news"));
  using other = closing(subscribe("other"));
  const messages = [1, "two", null, [3], { four: { five: "ü" } }, false];
  for (const message of messages) publish("news", message);
  publish("other", "for the other");
  assertEquals(await take(first.events, messages.length), messages);
  assertEquals(await take(other.events, 1), ["for the other"]);
});

Deno.test("a message is what was published then, whatever becomes of it later", async () => {
  using one = closing(subscribe("news"));
  using two = closing(subscribe("news"));
  const object = { list: [1] };
  const bytes = new Uint8Array([1, 2]);
  publish("news", object);
  publish("news", bytes);
  object.list.push(2);
  bytes[0] = 9;
  const [first, firstBytes] = await take(one.events, 2);
  assertEquals(first, { list: [1] });
  assertThrows(() => (first as { list: number[] }).list.push(3), TypeError);
  (firstBytes as Uint8Array)[0] = 7;
  assertEquals(await take(two.events, 2), [
    { list: [1] },
    new Uint8Array([1, 2]),
  ]);
});

Deno.test("names with other characters, none or too many are refused with a sentence", () => {
  const names: unknown[] = ["", " ", "a b", "a*", "a>", "?", "[a]", "ä", "\0"];
  names.push("a\r\nb", "x".repeat(101), "a/b", "😀", undefined, null, 7, {});
  for (const name of names) {
    for (
      const act of [
        () => publish(name as string, 1),
        () => subscribe(name as string),
        () => join({} as WebSocket, name as string),
        () => publish("a", 1, { exclude: [name as string] }),
      ]
    ) assertThrows(act, TypeError, " is not the name of a channel");
  }
  for (const exclude of [5, null, {}]) {
    assertThrows(
      () => publish("a", 1, { exclude: exclude as unknown as string }),
      TypeError,
      "exclude is a pagi.channel, or an array of some, not ",
    );
  }
  publish("x".repeat(100), 1);
  publish("..a:B_-9.", 1);
});

Deno.test("what is no JSON value, or too large, is refused with a sentence", () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const value of [undefined, () => 1, Symbol("x"), 1n, circle]) {
    assertThrows(
      () => publish("news", value),
      TypeError,
      "is not a JSON value",
    );
  }
  assertThrows(() => publish("news", new Uint16Array(1)), TypeError, "binary");
  for (
    const value of [
      "x".repeat(MAX_MESSAGE_BYTES - 1),
      "ü".repeat(MAX_MESSAGE_BYTES / 2),
      new Uint8Array(MAX_MESSAGE_BYTES + 1),
    ]
  ) {
    assertThrows(() => publish("news", value), RangeError, "limit is 1000000");
  }
  publish("news", "x".repeat(MAX_MESSAGE_BYTES - 2));
  publish("news", new Uint8Array(MAX_MESSAGE_BYTES));
});

Deno.test("a subscription ends with its signal, its loop and close()", async () => {
  const channels = new Channels();
  const stop = new AbortController();
  const aborted = channels.subscribe("a", { signal: stop.signal });
  const waiting = aborted.next();
  stop.abort();
  assertEquals((await waiting).done, true);
  for await (const event of subscribed(channels)) {
    assertEquals(event.type, "channel.message");
    break;
  }
});

Deno.test("a subscriber that is too slow misses the newest, and is told how many once", async () => {
  const channels = new Channels();
  const slow = channels.subscribe("a", { limit: 4 });
  for (let i = 0; i < 10; i++) channels.publish("a", i);
  assertEquals(await take(slow, 2), [0, 1]);
  channels.publish("a", 10);
  assertEquals(await take(slow, 4), [2, 3, [6], 10]);
  channels.publish("a", 11);
  assertEquals(await take(slow, 1), [11]);
  assertEquals(channels.dropped, 6);
  slow.close();
});

Deno.test("a limit that is none is refused with a sentence", () => {
  const channels = new Channels();
  for (const limit of [0, -1, NaN]) {
    assertThrows(
      () => channels.subscribe("a", { limit }),
      RangeError,
      `at least 1, not ${limit}`,
    );
  }
});

Deno.test("the log says which worker is too busy for its messages, and metrics how many it missed", async () => {
  const counters = new RequestCounters(newCounters());
  const [hub, channels] = [new Hub(), new Channels()];
  hub.addLocal(channels);
  const { port, remove } = hub.addWorker(7);
  let text = "";
  configureLog({ level: "info", write: (more) => text += more });
  try {
    port.postMessage([["join", "a", 1]]);
    // From the answer on it takes nothing more.
    await new Promise((resolve) => port.onmessage = resolve);
    for (let i = 0; i < 101_000; i++) channels.publish("a", i);
  } finally {
    configureLog({ level: "info" });
    port.close();
    remove();
  }
  assertMatch(text, / warn {2}Worker 7 is too busy .* channel a: /);
  assertMatch(
    text,
    /\n\S+ warn {2}Repeated \d+ times in \d+ s: Worker 7 .*\n$/,
  );
  const sums = new CounterSums();
  sums.add(counters.memory);
  const missed = sums.numbers[AT.dropped + DROPS.indexOf("thread")];
  assert(missed > 0 && missed <= 1000, `${missed}`);
});

Deno.test("gaps in a row become one, and one without a number makes the sum unknown", () => {
  const queue = new EventQueue(4);
  queue.gap("a", 2);
  queue.gap("a", 3);
  assertEquals(queue.shift(), {
    type: "channel.gap",
    channel: "a",
    missed: 5,
  });
  queue.gap("a", 1);
  queue.gap("a", null);
  queue.gap("b", 1);
  assertEquals([queue.shift(), queue.shift(), queue.shift()], [
    { type: "channel.gap", channel: "a", missed: null },
    { type: "channel.gap", channel: "b", missed: 1 },
    null,
  ]);
});

Deno.test("messages wait up to a size, but one always does", () => {
  const queue = new EventQueue();
  const large = createMessage("a", "x".repeat(900_000), undefined);
  const taken = Array.from({ length: 6 }, () => queue.push(large));
  assertEquals(taken, [true, true, true, true, false, false]);
});

Deno.test("all copies of the module use one set of channels", async () => {
  const url = new URL("../../src/channels/mod.ts?copy", import.meta.url).href;
  const copy = await import(url);
  using here = closing(subscribe("news"));
  copy.publish("news", "from the copy");
  assertEquals(await take(here.events, 1), ["from the copy"]);
  assert(threadChannels() instanceof Channels);
});

/** A subscription that the end of the block closes. */
function closing(
  events: ReturnType<typeof subscribe>,
): Disposable & { events: ReturnType<typeof subscribe> } {
  return { events, [Symbol.dispose]: () => events.close() };
}

/** A subscription for which a message waits already. */
function subscribed(channels: Channels): ReturnType<typeof subscribe> {
  const events = channels.subscribe("a");
  channels.publish("a", 1);
  return events;
}
