/** Channels by way of NATS: subjects. */

import { connect, type Subscription } from "@nats-io/transport-node";
import {
  type BrokerAddress,
  type BrokerConnection,
  CONNECT_MS,
} from "./broker_connection.ts";

/**
 * One connection for both directions; the broker sends nothing back to it that
 * it has published.
 *
 * @throws {Error} When it cannot.
 */
export async function connectNats(
  { url, prefix, onMessage }: BrokerAddress,
): Promise<BrokerConnection> {
  const [user, pass] = [url.username, url.password].map(decodeURIComponent);
  const connection = await connect({
    servers: url.host,
    timeout: CONNECT_MS,
    name: "pagi-server",
    noEcho: true,
    // Reconnecting is up to the class Broker.
    reconnect: false,
    ...(pass === "" ? (user === "" ? {} : { token: user }) : { user, pass }),
    ...(url.protocol === "tls:" ? { tls: {} } : {}),
  });
  const subscriptions = new Map<string, Subscription>();
  // Names may begin and end with a dot, which subjects may not.
  const subject = (channel: string): string =>
    `${prefix.replaceAll(".", "/")}.${channel.replaceAll(".", "/")}`;
  return {
    async publish(channel, data) {
      const limit = connection.info?.max_payload ?? Infinity;
      if (data.length > limit) {
        throw new Error(
          `It has ${data.length} bytes, and max_payload of this NATS is ${limit}.`,
        );
      }
      connection.publish(subject(channel), data);
      await connection.flush();
    },
    async subscribe(channels) {
      for (const channel of channels) {
        if (subscriptions.has(channel)) continue;
        subscriptions.set(
          channel,
          connection.subscribe(subject(channel), {
            callback: (error, { data }) => {
              if (error === null) onMessage(channel, data);
            },
          }),
        );
      }
      await connection.flush();
    },
    unsubscribe(channel) {
      subscriptions.get(channel)?.unsubscribe();
      subscriptions.delete(channel);
    },
    ping: () => connection.flush(),
    closed: connection.closed().then((error) =>
      error instanceof Error ? error.message : "the connection was closed"
    ),
    close: () => void connection.close(),
  };
}
