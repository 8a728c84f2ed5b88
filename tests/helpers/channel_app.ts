/**
 * An app that passes messages between its WebSockets by way of a channel, and
 * clients of it.
 *
 * @module
 */

import type { Program } from "./run_program.ts";
import { until } from "./wait.ts";

/**
 * The app's file. It says first which worker it is. What a client sends, all
 * get, and numbers that it counts up to are published by themselves.
 */
export const CHANNEL_APP = `
import { join, publish } from "@pagi/server/channels";
const worker = crypto.randomUUID();
export default {
  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/block") {
        const end = Date.now() + Number(searchParams.get("ms"));
        while (Date.now() < end);
      }
      return new Response(worker);
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    const open = new Promise((resolve) => (socket.onopen = resolve));
    Promise.all([open, join(socket, "room").ready])
      .then(() => socket.send("worker " + worker));
    socket.onmessage = async ({ data }) => {
      if (data === "exit") Deno.exit(3);
      const [, name, count] = /^count (\\w+) (\\d+)$/.exec(data) ?? [];
      if (name === undefined) return publish("room", data);
      for (let i = 0; i < Number(count); i++) {
        publish("room", name + " " + i);
        if (i % 100 === 99) await new Promise((next) => setTimeout(next, 1));
      }
    };
    return response;
  },
};`;

/** A client, and all that it has got. */
export class ChannelClient implements Disposable {
  /** What came, parsed. */
  readonly messages: unknown[] = [];
  worker = "";
  readonly socket: WebSocket;

  constructor({ port }: Pick<Program, "port">) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    this.socket.onmessage = ({ data }) => {
      if (/^worker /.test(data)) this.worker = data;
      else this.messages.push(JSON.parse(data));
    };
  }

  /** Resolves when it is in the channel. */
  static async open(program: Pick<Program, "port">): Promise<ChannelClient> {
    for (;;) {
      const client = new ChannelClient(program);
      const { socket } = client;
      await until(() =>
        client.worker !== "" || socket.readyState === WebSocket.CLOSED
      );
      // The worker that accepted it may have died at this moment.
      if (client.worker !== "") return client;
    }
  }

  /** The numbers that came under `name`. */
  counted(name: string): number[] {
    return this.messages.flatMap((message) =>
      typeof message === "string" && message.startsWith(`${name} `)
        ? [Number(message.split(" ")[1])]
        : []
    );
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

/** One client for each of `count` workers. */
export async function clientOfEach(
  program: Program,
  count: number,
): Promise<ChannelClient[]> {
  const clients = new Map<string, ChannelClient>();
  while (clients.size < count) {
    const client = await ChannelClient.open(program);
    if (clients.has(client.worker)) client[Symbol.dispose]();
    else clients.set(client.worker, client);
  }
  return [...clients.values()];
}
