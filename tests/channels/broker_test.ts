/** Channels between processes, by way of real brokers. */

import { Broker } from "../../src/channels/broker.ts";
import { Channels } from "../../src/channels/channels.ts";
import { Hub } from "../../src/channels/hub.ts";
import { SubscriptionQueue } from "../../src/channels/subscription.ts";
import { configureLog } from "../../src/log/log.ts";
import type { ChannelEvent } from "../../src/pagi/types.ts";
import { assert, assertEquals, assertMatch } from "../../src/std/assert.ts";
import { TestBroker } from "../helpers/broker.ts";
import {
  CHANNEL_APP,
  ChannelClient,
  clientOfEach,
} from "../helpers/channel_app.ts";
import { testWith } from "../helpers/programs.ts";
import { runProgram, startProgram } from "../helpers/run_program.ts";
import { until } from "../helpers/wait.ts";

const FILES = { files: { "app.js": CHANNEL_APP } };
const ARGS = ["-p", "0", "--no-access-log", "./app.js"];
const COUNT = 1000;
const ALL = Array.from({ length: COUNT }, (_, i) => i);

/** The gaps that a client was told of. */
function gaps({ messages }: ChannelClient): unknown[] {
  return messages.filter((message) =>
    (message as { type?: string }).type === "channel.gap"
  );
}

for (const name of ["redis-server", "nats-server"] as const) {
  testWith(
    [name],
    `two processes with two workers each share channels by ${name}, which may be killed and started again`,
    async () => {
      await using broker = await TestBroker.start(name);
      const args = ["-w", "2", "--channels-backend", broker.url, ...ARGS];
      const programs = await Promise.all(
        [0, 1].map(() => startProgram(args, FILES)),
      );
      await using one = programs[0];
      await using two = programs[1];
      const clients = [
        ...await clientOfEach(one, 2),
        ...await clientOfEach(two, 2),
      ];
      clients[0].socket.send(`count a ${COUNT}`);
      clients[3].socket.send(`count b ${COUNT}`);
      for (const client of clients) {
        for (const name of ["a", "b"]) {
          await until(() => client.counted(name).length === COUNT);
          assertEquals(client.counted(name), ALL);
        }
      }

      await broker.kill();
      for (const program of programs) {
        await program.logged(/ warn .* is not connected/);
      }
      clients[0].socket.send(`count c ${COUNT}`);
      for (const client of clients.slice(0, 2)) {
        await until(() => client.counted("c").length === COUNT);
      }
      await broker.start();
      for (const program of programs) await program.logged(/ again, after /);
      for (const client of clients) {
        await until(() => gaps(client).length > 0);
      }
      clients[0].socket.send(`count d ${COUNT}`);
      for (const client of clients) {
        await until(() => client.counted("d").length === COUNT);
        assertEquals(client.counted("d"), ALL);
        assertEquals(gaps(client), [
          { type: "channel.gap", channel: "room", missed: null },
        ]);
      }
      assertEquals(clients[2].counted("c"), []);
      for (const program of programs) {
        const warnings = program.log.match(/ warn /g) ?? [];
        assertEquals(warnings.length, 1, program.log);
        assertEquals((await program.stop()).code, 0);
      }
    },
  );

  testWith(
    [name],
    `messages of any kind come back from ${name} as they were, to others only, and JSON of other programs too`,
    async () => {
      configureLog({ level: "error" });
      await using broker = await TestBroker.start(name);
      const [one, two] = [processOf(), processOf()];
      await using _one = closing(await Broker.open(one.hub, broker.url));
      await using _two = closing(await Broker.open(two.hub, broker.url));
      const [here, there] = [one, two].map(({ channels }) =>
        channels.subscribe("a..b:")
      );
      await Promise.all([here.ready, there.ready]);
      const messages = [
        null,
        "",
        "ü😀",
        { deep: [{ list: [1, 2] }] },
        new Uint8Array(),
        new Uint8Array([0, 1, 255]),
        "x".repeat(999_998),
        new Uint8Array(1_000_000),
      ];
      for (const message of messages) one.channels.publish("a..b:", message);
      for (const events of [here, there]) {
        for (const message of messages) {
          const event = await nextOf(events);
          assert(event.type === "channel.message");
          assertEquals(event.message, message);
        }
      }
      two.channels.publish("a..b:", "last");
      for (const events of [here, there]) {
        const event = await nextOf(events);
        assert(event.type === "channel.message" && event.message === "last");
        events.close();
      }
    },
  );

  testWith(
    [name],
    `channels that come while ${name} is being connected get its messages too`,
    async () => {
      configureLog({ level: "error" });
      await using broker = await TestBroker.start(name);
      const [one, two] = [processOf(), processOf()];
      await using _one = closing(await Broker.open(one.hub, broker.url));
      let isOpen = false;
      const opening = Broker.open(two.hub, broker.url).finally(() => {
        isOpen = true;
      });
      // One in each turn of the event loop.
      const waiting: SubscriptionQueue[] = [];
      while (!isOpen) {
        waiting.push(
          new SubscriptionQueue(two.channels, `c${waiting.length}`),
        );
        await new Promise((resolve) => setTimeout(resolve));
      }
      await using _two = closing(await opening);
      await Promise.all(waiting.map(({ ready }) => ready));
      for (const { channel } of waiting) one.channels.publish(channel, channel);
      for (const events of waiting) {
        const event = await nextOf(events);
        assert(event.type === "channel.message");
        events.close();
      }
    },
  );
}

testWith(
  ["redis-server"],
  "a server starts while its broker is down, says so once, and is connected later",
  async () => {
    await using broker = TestBroker.unstarted("redis-server");
    const url = broker.url.replace("//", "//:secret@");
    await using program = await startProgram(
      [...ARGS, "--log-level", "debug"],
      { ...FILES, env: { PAGI_CHANNELS_BACKEND: url } },
    );
    assertMatch(program.log, / warn .* is not connected .*ECONNREFUSED/);
    using client = await ChannelClient.open(program);
    client.socket.send('"local"');
    await until(() => client.messages.length === 1);
    await broker.start();
    await program.logged(/ again, after /);
    await until(() => gaps(client).length === 1);
    assertEquals(program.log.match(/ warn /g)?.length, 1, program.log);
    assertEquals(/secret/.test(program.log), false, program.log);
  },
);

testWith(
  ["redis-server"],
  "--check says whether the broker answers, and no message shows a password",
  async () => {
    await using broker = await TestBroker.start("redis-server");
    const check = (url: string) =>
      runProgram(["--check", "--channels-backend", url, ...ARGS], FILES);
    const good = await check(broker.url);
    assertEquals(good.code, 0, good.stderr);
    assertMatch(good.stdout, /# ok: --channels-backend/);
    await broker.kill();
    const bad = await check(broker.url.replace("//", "//u:secret@"));
    assertEquals(bad.code, 1);
    assertMatch(
      bad.stderr,
      /--channels-backend: redis:\/\/127.* cannot be used/,
    );
    const wrong = await check("amqp://u:secret@127.0.0.1/");
    assertEquals(wrong.code, 1);
    assertMatch(wrong.stderr, /"amqp:".* is not a URL such as redis:/);
    for (const { stdout, stderr } of [bad, wrong]) {
      assertEquals(/secret/.test(stdout + stderr), false, stdout + stderr);
    }
  },
);

/** A process as far as channels go. */
function processOf(): { hub: Hub; channels: Channels } {
  const [hub, channels] = [new Hub(), new Channels()];
  hub.addLocal(channels);
  return { hub, channels };
}

async function nextOf(
  events: AsyncIterator<ChannelEvent>,
): Promise<ChannelEvent> {
  return (await events.next()).value;
}

function closing(broker: Broker): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => broker.close() };
}
