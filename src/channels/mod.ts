/**
 * One message to clients of all workers and all machines:
 * `@pagi/server/channels`.
 *
 * ```ts
 * import { join, publish, subscribe } from "@pagi/server/channels";
 *
 * publish("news", { text: "Hello!" });
 *
 * for await (const event of subscribe("news")) {
 *   if (event.type === "channel.gap") console.log("missed", event.missed);
 *   else console.log(event.message);
 * }
 *
 * const { socket, response } = Deno.upgradeWebSocket(request);
 * join(socket, "news");
 * ```
 *
 * Within pagi-server this reaches all of its workers and, with
 * `--channels-backend`, other processes and machines. Elsewhere, as in tests,
 * it reaches what is in the same thread. docs/channels.md has the guarantees.
 *
 * @module
 */

import { type PublishOptions, threadChannels } from "./channels.ts";
import type { JoinOptions, Membership } from "./socket.ts";
import type { SubscribeOptions, Subscription } from "./subscription.ts";

export type { ChannelEvent } from "../pagi/types.ts";
export type {
  JoinOptions,
  Membership,
  PublishOptions,
  SubscribeOptions,
  Subscription,
};

/**
 * Sends a JSON value or bytes to all that have subscribed to `channel`. Never
 * waits, and does not fail because somebody is slow or a broker is away.
 *
 * @throws {TypeError} When the name or the message cannot be one.
 * @throws {RangeError} When the message is over 1,000,000 bytes.
 */
export function publish(
  channel: string,
  message: unknown,
  options?: PublishOptions,
): void {
  threadChannels().publish(channel, message, options);
}

/**
 * Subscribes at once; the messages wait for the loop, up to a limit.
 *
 * @throws {TypeError} When the name cannot be one.
 */
export function subscribe(
  channel: string,
  options?: SubscribeOptions,
): Subscription {
  return threadChannels().subscribe(channel, options);
}

/**
 * Sends the messages of `channel` to a WebSocket, from its opening until it
 * closes: JSON as text, bytes as binary messages.
 *
 * @throws {TypeError} When the name cannot be one.
 */
export function join(
  socket: WebSocket,
  channel: string,
  options?: JoinOptions,
): Membership {
  return threadChannels().join(socket, channel, options);
}
