/**
 * A server for the proxy to talk to, which says exactly what it is told to.
 *
 * @module
 */

import { RawConnection } from "./raw_connection.ts";

/** One accepted connection. */
export interface UpstreamPeer {
  readonly raw: RawConnection;
  /** Which one it is, from 0. */
  readonly number: number;
  /** Reads the head of the next request; "" when the proxy has closed. */
  head(): Promise<string>;
}

/** A server without any rules. */
export class RawUpstream implements AsyncDisposable {
  /** The heads of all requests, as they came. */
  readonly heads: string[] = [];
  /** How many connections have been accepted. */
  connections = 0;
  readonly url: string;
  readonly port: number;
  readonly #listener: Deno.Listener;
  readonly #peers: RawConnection[] = [];
  readonly #serving: Promise<unknown>[] = [];
  readonly #accepting: Promise<void>;

  /** @param serve Talks to the proxy; the connection is closed afterwards. */
  constructor(serve: (peer: UpstreamPeer) => Promise<unknown>, port = 0) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.url = `http://127.0.0.1:${this.port}`;
    this.#accepting = this.#accept(serve);
  }

  /** Answers every request with `answer`, as long as the proxy goes on. */
  static answering(answer: string): RawUpstream {
    return new RawUpstream(async ({ raw, head }) => {
      while (await head() !== "") await raw.send(answer);
    });
  }

  async #accept(serve: (peer: UpstreamPeer) => Promise<unknown>) {
    for await (const connection of this.#listener) {
      const raw = RawConnection.of(connection);
      this.#peers.push(raw);
      const number = this.connections++;
      const head = async (): Promise<string> => {
        try {
          const text = await raw.until("\r\n\r\n");
          this.heads.push(text);
          return text;
        } catch {
          return "";
        }
      };
      this.#serving.push(
        serve({ raw, number, head }).catch((error) => {
          if (!isEndOfConnection(error)) throw error;
        }).finally(() => raw.close()),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const peer of this.#peers) peer.close();
    await Promise.all(this.#serving);
  }
}

/** The proxy has closed, or the test is over. */
function isEndOfConnection(error: unknown): boolean {
  const { BrokenPipe, ConnectionReset, BadResource, Interrupted } = Deno.errors;
  return [BrokenPipe, ConnectionReset, BadResource, Interrupted].some((kind) =>
    error instanceof kind
  );
}

/** The value of the field called `name` in a head; null where there is none. */
export function fieldOf(head: string, name: string): string | null {
  const values = head.split("\r\n").slice(1).filter((line) =>
    line.toLowerCase().startsWith(`${name}:`)
  ).map((line) => line.slice(name.length + 1).trim());
  return values.length === 0 ? null : values.join(" | ");
}
