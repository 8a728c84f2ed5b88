/**
 * A connection that sends bytes and collects what comes back.
 *
 * @module
 */

import { readResponse, type WireResponse } from "./read_responses.ts";

/** How long nothing may come before a connection is given up, in milliseconds. */
const SILENCE_MS = 40;
/** How long a connection may stay open after a refusal, in milliseconds. */
const REFUSED_MS = 5000;

/** One connection; strings hold one byte per code unit. */
export class Wire implements Disposable {
  text = "";
  ended = false;
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(16384);

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** This side's port: how the server knows the connection. */
  get port(): number {
    return (this.#connection.localAddr as Deno.NetAddr).port;
  }

  /** Sends all; what the server does not take any more is dropped. */
  async send(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? toBytes(data) : data;
    try {
      while (bytes.length > 0) {
        bytes = bytes.subarray(await this.#connection.write(bytes));
      }
    } catch {
      // The server has ended the connection: reading will tell.
    }
  }

  /** Waits for more; false at the end. */
  async more(): Promise<boolean> {
    if (this.ended) return false;
    let count: number | null = null;
    try {
      count = await this.#connection.read(this.#buffer);
    } catch {
      // Reset.
    }
    if (count === null) this.ended = true;
    else this.text += fromBytes(this.#buffer.subarray(0, count));
    return !this.ended;
  }

  /** The next response to `method`, or null when there is none. */
  async response(method: string): Promise<WireResponse | null> {
    while (true) {
      const found = readResponse(this.text, method, this.ended);
      if (found !== null) {
        this.text = found.rest;
        // Nothing but 100 comes before a response.
        if (found.response.status === 100) continue;
        return found.response;
      }
      if (this.ended) return null;
      await this.more();
    }
  }

  /**
   * Waits for the end. Where nothing comes, sends no more, so that the server
   * ends it: "left". After a refusal it must do so by itself, or it "stayed".
   */
  async finish(): Promise<"ended" | "left" | "stayed"> {
    let end: "ended" | "left" | "stayed" = "ended";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = () => {
      clearTimeout(timer);
      const refused = /(^|\n)HTTP\/1\.1 [45]/.test(this.text);
      timer = setTimeout(() => {
        if (end === "ended") end = refused ? "stayed" : "left";
        this.end();
      }, refused ? REFUSED_MS : SILENCE_MS);
    };
    do wait(); while (await this.more());
    clearTimeout(timer);
    return end;
  }

  /** Sends no more. */
  end(): void {
    this.#connection.closeWrite().catch(() => {});
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch {
      // Closed already.
    }
  }
}

/** One byte per code unit. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** One code unit per byte. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}
