/** Channels by way of Redis, Valkey and what speaks like them: pub/sub. */

import { Buffer } from "node:buffer";
import { Redis } from "ioredis";
import {
  type BrokerAddress,
  type BrokerConnection,
  CONNECT_MS,
} from "./broker_connection.ts";

/** Redis takes many names at once, but a command has to end some time. */
const NAMES = 1000;

/**
 * Connects twice, since a connection that subscribes can do nothing else.
 *
 * @throws {Error} When it cannot.
 */
export async function connectRedis(
  { url, prefix, onMessage }: BrokerAddress,
): Promise<BrokerConnection> {
  let why = "the connection was closed";
  const start = `${prefix}:`;
  const address = new URL(url);
  address.searchParams.delete("prefix");
  const clients = [0, 1].map(() => {
    const client = new Redis(address.href, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      // Reconnecting is up to the class Broker.
      retryStrategy: () => null,
      connectionName: "pagi-server",
    });
    client.on("error", (error: Error) => (why = error.message));
    return client;
  });
  const [writer, reader] = clients;
  const close = (): void => {
    for (const client of clients) {
      if (client.status !== "end") client.disconnect();
    }
  };
  const ends = clients.map((client) =>
    new Promise<string>((resolve) => client.on("end", () => resolve(why)))
  );
  // One without the other is of no use.
  const closed = Promise.race(ends).then(async (why) => {
    close();
    await Promise.all(ends);
    return why;
  });
  try {
    await Promise.all(clients.map((client) => client.connect()));
  } catch (error) {
    close();
    throw why.startsWith("the connection") ? error : new Error(why);
  }
  reader.on("messageBuffer", (name: Uint8Array, data: Uint8Array) => {
    onMessage(String(name).slice(start.length), data);
  });
  return {
    publish: (channel, data) =>
      writer.publish(
        start + channel,
        Buffer.from(data.buffer, data.byteOffset, data.byteLength),
      ),
    async subscribe(channels) {
      for (let at = 0; at < channels.length; at += NAMES) {
        const names = channels.slice(at, at + NAMES);
        await reader.subscribe(...names.map((name) => start + name));
      }
    },
    unsubscribe(channel) {
      reader.unsubscribe(start + channel).catch(() => {});
    },
    ping: () => Promise.all(clients.map((client) => client.ping())),
    closed,
    close,
  };
}
