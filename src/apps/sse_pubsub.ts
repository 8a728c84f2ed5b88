/** The app that sends the messages of a channel as server-sent events. */

import { threadChannels } from "../channels/channels.ts";
import { fieldValue } from "../http/headers.ts";
import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { defineType, integer } from "../options/value_types.ts";
import type { PagiApp, SendEvent, SseScope } from "../pagi/types.ts";
import { explainable } from "./explain.ts";
import { assertRequest, reply } from "./reply.ts";

const NAME = "PAGI::App::SSE::Pubsub";
const NO_RETRY = 0;

/** Options of {@linkcode SsePubsubApp}. */
export interface SsePubsubOptions {
  /** The channel whose messages the clients get. */
  readonly channel?: string;
  /** Milliseconds until a client connects again; 0 leaves it the choice. */
  readonly retry?: number;
  /** Events that are kept for clients that connect again with the id of one. */
  readonly history?: number;
}

/** One event as it is published: text, or with the fields of an event. */
export type PubsubEvent =
  | string
  | { data?: unknown; event?: string; id?: string; retry?: number };

const table = {
  channel: {
    type: defineType<string>({
      placeholder: "NAME",
      allowed: "the name of a channel: 1 to 100 letters, digits and ._:-",
      parse: (given) =>
        /^[A-Za-z0-9._:-]{1,100}$/.test(given) ? given : undefined,
    }),
    default: "default",
    help: "the channel whose messages the clients get",
    positional: true,
  },
  retry: {
    type: integer(),
    default: NO_RETRY,
    help: "milliseconds until a client connects again; 0: its own choice",
  },
  history: {
    type: integer({ max: 10_000 }),
    default: 0,
    help: "events kept for clients that connect again with the id of one",
  },
} satisfies TableFor<SsePubsubOptions>;

type SseEvent = Extract<SendEvent, { type: "sse.send" }>;

/**
 * Sends each message of a channel to all clients as a server-sent event: a
 * message with `data` as it says, another as JSON. A client that missed some
 * gets the event `channel.gap` with their number.
 *
 * ```ts
 * const news = new SsePubsubApp({ channel: "news" }).toApp();
 * SsePubsubApp.publish("news", { event: "update", data: "Hello!" });
 * ```
 */
export class SsePubsubApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;
  readonly #channel: string;
  /** The last events with an id. */
  readonly #history: SseEvent[] = [];
  readonly #limit: number;
  #keeping = false;

  /** Sends an event to the clients of all workers and machines. */
  static publish(channel: string, event: PubsubEvent): void {
    threadChannels().publish(channel, event);
  }

  constructor(options: SsePubsubOptions = {}) {
    const { channel, retry, history } = readAppOptions(NAME, table, options);
    this.#channel = channel;
    this.#limit = history;
    const app: PagiApp = async (scope, receive, send) => {
      if (scope.type !== "sse") {
        assertRequest(scope, NAME);
        return await reply(
          send,
          406,
          [["content-type", "text/plain; charset=utf-8"]],
          "This is an event stream: ask for it with Accept: text/event-stream.\n",
        );
      }
      this.#keepHistory();
      await scope["pagi.channels"]!.subscribe(channel);
      await send({ type: "sse.start" });
      await send({ type: "sse.keepalive", interval: 15 });
      let first = retry !== NO_RETRY;
      const write = (event: SseEvent): Promise<void> => {
        const sent = first ? { retry, ...event } : event;
        first = false;
        return send(sent);
      };
      for (const event of this.#missedBy(scope)) await write(event);
      for (;;) {
        const event = await receive();
        if (event.type === "channel.message") {
          await write(eventOf(event.message));
        } else if (event.type === "channel.gap") {
          const data = JSON.stringify({ missed: event.missed });
          await write({ type: "sse.send", event: "channel.gap", data });
        } else if (event.type === "sse.disconnect") return;
      }
    };
    this.#app = explainable(
      app,
      () => ({
        lines: [`an event stream of the channel ${channel}`],
        status: 200,
      }),
    );
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }

  /** From the first client on. */
  #keepHistory(): void {
    if (this.#limit === 0 || this.#keeping) return;
    this.#keeping = true;
    void threadChannels().add(this.#channel, {
      ownChannel: null,
      take: (message) => {
        const event = eventOf(message.value);
        if (event.id !== undefined) this.#history.push(event);
        if (this.#history.length > this.#limit) this.#history.shift();
        return true;
      },
      // What comes after a gap is no continuation of what came before.
      gap: () => void this.#history.splice(0),
    });
  }

  #missedBy({ headers }: SseScope): SseEvent[] {
    const last = fieldValue(headers, "last-event-id");
    const at = this.#history.findIndex(({ id }) => id === last);
    return at < 0 ? [] : this.#history.slice(at + 1);
  }
}

export default SsePubsubApp;

/** What is sent for a message. */
function eventOf(message: unknown): SseEvent {
  if (typeof message === "string") return { type: "sse.send", data: message };
  if (message instanceof Uint8Array) {
    return { type: "sse.send", data: new TextDecoder().decode(message) };
  }
  if (typeof message !== "object" || message === null || !("data" in message)) {
    return { type: "sse.send", data: JSON.stringify(message) };
  }
  const { data, event, id, retry } = message as Record<string, unknown>;
  const sent: SseEvent = {
    type: "sse.send",
    data: typeof data === "string" ? data : JSON.stringify(data) ?? "",
  };
  if (isLine(event)) sent.event = event;
  if (isLine(id) && !id.includes("\0")) sent.id = id;
  if (Number.isInteger(retry) && (retry as number) >= 0) {
    sent.retry = retry as number;
  }
  return sent;
}

/** A field of an event is one line. */
function isLine(value: unknown): value is string {
  return typeof value === "string" && !/[\r\n]/.test(value);
}
