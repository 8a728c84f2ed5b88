/** The channels of other processes and machines, by way of a broker. */

import { countDropped } from "../metrics/counters.ts";
import { log } from "../log/log.ts";
import { messageOf } from "../options/option_error.ts";
import { delay, settledWithin, type Timer } from "../std/timer.ts";
import { BatchQueue } from "./batch_queue.ts";
import {
  type BrokerConnection,
  BrokerError,
  type Connect,
} from "./broker_connection.ts";
import { decode, encodeGap, encodeMessages, newOrigin } from "./envelope.ts";
import { ALL_CHANNELS, Losses, type Missed } from "./event_queue.ts";
import type { Hub, Outside } from "./hub.ts";
import { checkName, type Message } from "./message.ts";

/** Pause before the first further attempt, doubled up to the longest (ms). */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** How often the broker is asked whether it is there, and has to answer (ms). */
const PING_MS = 10_000;
/** How long a start waits for the broker (ms). */
const START_MS = 2000;
/** Bytes of messages that go in one envelope; brokers have a limit. */
const MAX_ENVELOPE = 250_000;

/** Reasons that say no more than that there is no connection. */
const UNREACHABLE = /^connect |closed|refused/i;

/** A message, or how many of a channel were lost. */
type Outgoing = Message | readonly [channel: string, missed: Missed];

/** The broker's name for all channels, which no channel can have. */
const ALL = "$all";

/** The backend for `url`, with its package. @throws {BrokerError} */
async function backend(url: URL): Promise<Connect> {
  try {
    return /^rediss?:$/.test(url.protocol)
      ? (await import("./redis.ts")).connectRedis
      : (await import("./nats.ts")).connectNats;
  } catch (error) {
    const name = /^redis/.test(url.protocol)
      ? "ioredis@6.0.0"
      : "@nats-io/transport-node@3.4.0";
    throw new BrokerError(
      `The package ${name} for --channels-backend cannot be loaded: ${
        messageOf(error).split("\n")[0]
      } Where there is a network: deno cache npm:${name}, or in a project with node_modules: npm install ${name}.`,
    );
  }
}

/** The address without secrets. */
function shown({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function prefixOf(url: URL): string {
  const prefix = url.searchParams.get("prefix") ?? "pagi";
  checkName(prefix);
  return prefix;
}

/**
 * Asks whether the broker answers.
 *
 * @throws {BrokerError} When it does not.
 */
export async function checkBroker(text: string): Promise<void> {
  const url = new URL(text);
  const connect = await backend(url);
  let connection: BrokerConnection | null = null;
  try {
    connection = await connect({ url, prefix: prefixOf(url), onMessage() {} });
    await connection.ping();
  } catch (error) {
    throw new BrokerError(
      `--channels-backend: ${shown(url)} cannot be used: ${messageOf(error)}`,
    );
  } finally {
    connection?.close();
  }
}

/** Connects a hub with a broker, again and again. */
export class Broker implements Outside {
  readonly #hub: Hub;
  readonly #url: URL;
  readonly #connect: Connect;
  readonly #origin = newOrigin();
  /** Channels with subscribers in this process. */
  readonly #channels = new Set<string>();
  /** Messages of this process that reached no other. */
  readonly #lost = new Losses();
  /** When the last of them was lost (ms, `performance.now()`). */
  #lostAt = 0;
  /** When messages of others arrived again (ms, `performance.now()`). */
  #subscribedAt = 0;
  #connection: BrokerConnection | null = null;
  /** Messages that the broker has not confirmed. */
  readonly #unconfirmed = new Set<readonly Message[]>();
  /** Messages that arrive before the gap is announced; else null. */
  #held: [channel: string, data: Uint8Array][] | null = null;
  #closed = false;
  #pinging: Timer | undefined;
  /** Messages that wait for the connection. */
  #queue = this.#newQueue();

  private constructor(hub: Hub, url: URL, connect: Connect) {
    this.#hub = hub;
    this.#url = url;
    this.#connect = connect;
  }

  /**
   * Connects `hub` with the broker at `text`, or begins to try: a server starts
   * without it as well.
   *
   * @throws {BrokerError} When there is no backend for it.
   */
  static async open(hub: Hub, text: string): Promise<Broker> {
    const url = new URL(text);
    const broker = new Broker(hub, url, await backend(url));
    hub.connect(broker);
    const first = Promise.withResolvers<void>();
    void broker.#run(first.resolve);
    await settledWithin(first.promise, START_MS);
    return broker;
  }

  publish(message: Message): void {
    if (this.#connection === null) this.#drop(message.channel, 1);
    else this.#queue.message(message);
  }

  lost(channel: string, missed: Missed): void {
    if (this.#connection === null) this.#countLost(channel, missed);
    else this.#queue.push([channel, missed]);
  }

  async join(channel: string): Promise<void> {
    this.#channels.add(channel);
    // A gap announces what is missed meanwhile, once the broker is back.
    await this.#connection?.subscribe([channel]).catch(() => {});
  }

  leave(channel: string): void {
    this.#channels.delete(channel);
    this.#connection?.unsubscribe(channel);
  }

  /** Resolves when it is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pinging);
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
    await connection?.closed;
  }

  #newQueue(): BatchQueue<Outgoing> {
    const queue = new BatchQueue<Outgoing>({
      to: "broker",
      message: (message) => message,
      gap: (channel, missed) => [channel, missed],
      send: (items) => void this.#send(items).then(() => queue.answered()),
    });
    return queue;
  }

  /** Connects, waits for the end of the connection, and connects again. */
  async #run(onFirst: () => void): Promise<void> {
    let downSince: number | null = null;
    let reason = "";
    let pause = FIRST_PAUSE_MS;
    const name = shown(this.#url);
    while (!this.#closed) {
      let why: string;
      let connection: BrokerConnection | null = null;
      try {
        connection = await this.#open();
        if (!this.#closed) await this.#begin(connection, downSince !== null);
        if (this.#closed) {
          clearInterval(this.#pinging);
          return connection.close();
        }
        log.info(
          downSince === null
            ? `Channels are connected with ${name}.`
            : `Channels are connected with ${name} again, after ${
              ((performance.now() - downSince) / 1000).toFixed(1)
            } s. Subscribers are told that they may have missed messages.`,
        );
        downSince = null;
        pause = FIRST_PAUSE_MS;
        onFirst();
        why = await connection.closed;
      } catch (error) {
        why = messageOf(error);
        // One that cannot be subscribed with would stay open.
        connection?.close();
      }
      this.#disconnected();
      if (this.#closed) return;
      if (downSince === null) {
        downSince = performance.now();
        log.warn(
          `Channels reach no other process: ${name} is not connected (${why}). Messages within this process still arrive, and it keeps trying to connect.`,
        );
      } else if (why !== reason && !UNREACHABLE.test(why)) {
        log.warn(`${name} is still not connected: ${why}.`);
      }
      reason = why;
      onFirst();
      await delay(pause * (0.75 + Math.random() / 2));
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }

  /** Counts as lost all that the broker has not confirmed. */
  #disconnected(): void {
    this.#connection = null;
    clearInterval(this.#pinging);
    const waiting = this.#queue.waiting();
    this.#queue = this.#newQueue();
    for (const run of this.#unconfirmed) {
      this.#drop(run[0].channel, run.length);
    }
    this.#unconfirmed.clear();
    for (const item of waiting) {
      if ("channel" in item) this.#drop(item.channel, 1);
      else this.#countLost(...item);
    }
  }

  async #open(): Promise<BrokerConnection> {
    return await this.#connect({
      url: this.#url,
      prefix: prefixOf(this.#url),
      onMessage: (channel, data) => {
        if (this.#held === null) this.#take(channel, data);
        else this.#held.push([channel, data]);
      },
    });
  }

  /** Subscribes to all again, and tells both sides what was lost. */
  async #begin(connection: BrokerConnection, again: boolean): Promise<void> {
    this.#held = [];
    const before = new Set(this.#channels);
    await connection.subscribe([ALL, ...before]);
    this.#connection = connection;
    this.#tellLost();
    // Channels may have come and gone while they were subscribed to.
    for (const name of before.difference(this.#channels)) {
      connection.unsubscribe(name);
    }
    const late = [...this.#channels.difference(before)];
    if (late.length > 0) await connection.subscribe(late);
    this.#subscribedAt = performance.now();
    if (again) this.#hub.gap(ALL_CHANNELS, null, null);
    const held = this.#held;
    this.#held = null;
    for (const [channel, data] of held) this.#take(channel, data);
    this.#pinging = setInterval(async () => {
      if (await settledWithin(connection.ping().catch(() => {}), PING_MS)) {
        return;
      }
      connection.close();
    }, PING_MS);
  }

  /** Messages in a row of one channel share an envelope, and so keep their order. */
  async #send(items: readonly Outgoing[]): Promise<void> {
    const sent: Promise<void>[] = [];
    for (let at = 0; at < items.length;) {
      const first = items[at];
      if (!("channel" in first)) {
        sent.push(this.#sendGap(...first));
        at++;
        continue;
      }
      const run = [first];
      for (let size = first.size; ++at < items.length;) {
        const next = items[at];
        if (!("channel" in next) || next.channel !== first.channel) break;
        size += next.size;
        if (size > MAX_ENVELOPE) break;
        run.push(next);
      }
      this.#unconfirmed.add(run);
      sent.push(
        this.#write(first.channel, encodeMessages(this.#origin, run)).then(
          (taken) => {
            // Else it was counted when the connection ended.
            if (this.#unconfirmed.delete(run) && !taken) {
              this.#drop(first.channel, run.length);
              if (this.#connection !== null) this.#tellLost();
            }
          },
        ),
      );
    }
    await Promise.all(sent);
  }

  async #sendGap(channel: string, missed: Missed): Promise<void> {
    const age = Math.max(0, performance.now() - this.#lostAt);
    const name = channel === ALL_CHANNELS ? ALL : channel;
    if (!await this.#write(name, encodeGap(this.#origin, { missed, age }))) {
      this.#countLost(channel, missed);
    }
  }

  /** False when the broker has not got it. */
  async #write(channel: string, data: Uint8Array): Promise<boolean> {
    try {
      if (this.#connection === null) return false;
      await this.#connection.publish(channel, data);
      return true;
    } catch (error) {
      log.debug(`A message for ${channel} was not sent on.`, error);
      return false;
    }
  }

  /** Tells others what they miss of this process. */
  #tellLost(): void {
    for (const [channel, missed] of this.#lost.take()) {
      this.#queue.push([channel, missed]);
    }
  }

  /** Counts messages of this process that reach no other. */
  #drop(channel: string, messages: number): void {
    countDropped("broker", messages);
    this.#countLost(channel, messages);
  }

  #countLost(channel: string, missed: Missed): void {
    this.#lostAt = performance.now();
    this.#lost.add(channel, missed);
  }

  #take(channel: string, data: Uint8Array): void {
    try {
      const name = channel === ALL ? ALL_CHANNELS : channel;
      const content = decode(this.#origin, name, data);
      if (content === null) return;
      if ("messages" in content) {
        for (const message of content.messages) {
          this.#hub.publish(message, null);
        }
      } else {
        const { missed, age } = content.gap;
        // This process has already announced what it missed itself.
        if (performance.now() - age < this.#subscribedAt) return;
        this.#hub.gap(name, missed, null);
      }
    } catch (error) {
      log.warn(
        `What another program published in ${channel} is ignored: it is neither JSON nor a message of a pagi-server. ${
          messageOf(error)
        }`,
        "envelope",
      );
    }
  }
}
