/** The channels of one thread, as apps use them. */

import { createMessage } from "./message.ts";
import { type JoinOptions, joinSocket, type Membership } from "./socket.ts";
import { Subscribers } from "./subscribers.ts";
import {
  type SubscribeOptions,
  type Subscription,
  SubscriptionQueue,
} from "./subscription.ts";

/** What a publisher may choose. */
export interface PublishOptions {
  /** Own channels (`pagi.channel`) of connections that are not to get it. */
  readonly exclude?: string | readonly string[];
}

/** The place of this thread's channels for all copies of this module. */
const SLOT = Symbol.for("pagi.channels");

/**
 * The channels of this thread. An app may import another copy of this module
 * than the server runs, from its own packages: they share the first one's.
 */
export function threadChannels(): Channels {
  const slots = globalThis as { [SLOT]?: Channels };
  return slots[SLOT] ??= new Channels();
}

/**
 * The channels of one thread. Copies of this module in other versions call
 * these three methods.
 */
export class Channels extends Subscribers {
  /** As `publish` of the public module. */
  publish(channel: string, value: unknown, options?: PublishOptions): void {
    this.send(createMessage(channel, value, options?.exclude));
  }

  /** As `subscribe` of the public module. */
  subscribe(channel: string, options?: SubscribeOptions): Subscription {
    return new SubscriptionQueue(this, channel, options);
  }

  /** As `join` of the public module. */
  join(socket: WebSocket, channel: string, options?: JoinOptions): Membership {
    return joinSocket(this, socket, channel, options);
  }
}
