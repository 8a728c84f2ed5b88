/**
 * A client that speaks HTTP/2 in clear text, on one connection.
 *
 * @module
 */

import { type ClientHttp2Session, connect } from "node:http2";

/** A response, once it is whole. */
export interface Http2Response {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** One stream of the connection. */
export interface Http2Stream {
  /** Resolves with the head. */
  readonly head: Promise<Record<string, unknown>>;
  /** Resolves when the stream has ended; rejects when it was reset. */
  readonly response: Promise<Http2Response>;
  /** All text that has come so far. */
  readonly text: () => string;
  /** Resets the stream, and nothing else. */
  reset(): void;
}

/** One connection. */
export class Http2Client implements AsyncDisposable {
  private constructor(readonly session: ClientHttp2Session) {}

  static async open(url: string): Promise<Http2Client> {
    const session = connect(url);
    await new Promise<void>((resolve, reject) => {
      session.once("connect", () => resolve());
      session.once("error", reject);
    });
    session.on("error", () => {});
    return new Http2Client(session);
  }

  /** Sends a request; `body` follows its head. */
  request(
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Http2Stream {
    const stream = this.session.request(
      { ":path": path, ...headers },
      { endStream: body === undefined },
    );
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => text += part);
    const head = new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.once("response", (fields) => resolve(fields));
      stream.once("error", reject);
    });
    let whole = false;
    stream.once("end", () => whole = true);
    const response = new Promise<Http2Response>((resolve, reject) => {
      stream.once("error", reject);
      stream.once("close", async () => {
        if (!whole || stream.rstCode !== 0) {
          return reject(new Error(`the stream was cut (${stream.rstCode})`));
        }
        const headers = await head;
        resolve({ status: Number(headers[":status"]), headers, body: text });
      });
    });
    head.catch(() => {});
    response.catch(() => {});
    if (body !== undefined) stream.end(body);
    return {
      head,
      response,
      text: () => text,
      reset: () => stream.close(8), // CANCEL
    };
  }

  /** Sends a request and waits for the whole response. */
  get(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Http2Response> {
    return this.request(path, headers).response;
  }

  /** Resolves when the connection has ended. */
  ended(): Promise<void> {
    if (this.session.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.session.once("close", resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.ended();
    this.session.destroy();
    await ended;
  }
}
