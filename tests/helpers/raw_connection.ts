/**
 * A connection on which tests write and read bytes as they are.
 *
 * @module
 */

import type { ListenAddress } from "../../src/options/value_types.ts";

/** A response as it stood on the wire. */
export interface RawResponse {
  readonly status: number;
  /** Names in lower case; equal names joined by ", ". */
  readonly headers: Map<string, string>;
  /** Head as text, for what a map cannot show. */
  readonly head: string;
  /** After removal of the framing; one code unit per byte. */
  readonly body: string;
}

/** A peer that sends exactly what it is told to. */
export class RawConnection implements Disposable {
  /** What has been read and not yet taken; one code unit per byte. */
  received = "";
  /** True once reading has come to the end, or to a reset. */
  over = false;
  #closed = false;

  private constructor(readonly connection: Deno.Conn) {}

  /** The other side of a connection that was accepted. */
  static of(connection: Deno.Conn): RawConnection {
    return new RawConnection(connection);
  }

  /** @param address A number is a port of 127.0.0.1. */
  static async open(address: ListenAddress | number): Promise<RawConnection> {
    const connection = typeof address === "number"
      ? await Deno.connect({ hostname: "127.0.0.1", port: address })
      : "path" in address
      ? await Deno.connect({ transport: "unix", path: address.path })
      : await Deno.connect({ hostname: address.host, port: address.port });
    return new RawConnection(connection as Deno.Conn);
  }

  /** Opens a TLS connection that speaks HTTP/1.1, trusting `certificate`. */
  static async openTls(
    address: ListenAddress,
    certificate: string,
  ): Promise<RawConnection> {
    if ("path" in address) throw new Error("there is no TLS on Unix sockets");
    const connection = await Deno.connectTls({
      hostname: address.host,
      port: address.port,
      caCerts: [certificate],
      alpnProtocols: ["http/1.1"],
    });
    return new RawConnection(connection as unknown as Deno.Conn);
  }

  /** This side's port: how the server knows the connection. */
  get port(): number {
    return (this.connection.localAddr as Deno.NetAddr).port;
  }

  /** Sends text, one byte per code unit, or bytes. */
  async send(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? toBytes(data) : data;
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.connection.write(bytes));
    }
  }

  /** Sends as much as the server takes: reading tells that it takes no more. */
  async trySend(data: string | Uint8Array): Promise<void> {
    try {
      await this.send(data);
    } catch {
      // The server has ended the connection.
    }
  }

  /** Sends no more. */
  endSending(): void {
    this.connection.closeWrite().catch(() => {});
  }

  /** Sends a request without a body; `host` is added. */
  async request(line: string, ...headers: string[]): Promise<void> {
    await this.send(
      [`${line} HTTP/1.1`, "host: localhost", ...headers, "", ""].join("\r\n"),
    );
  }

  /** Reads one response; `toHead` says that it answers HEAD. */
  async response(toHead = false): Promise<RawResponse> {
    const head = await this.#until("\r\n\r\n");
    const [line, ...fields] = head.trimEnd().split("\r\n");
    const status = Number(line.split(" ")[1]);
    const headers = new Map<string, string>();
    for (const field of fields) {
      const colon = field.indexOf(":");
      const name = field.slice(0, colon).toLowerCase();
      const value = field.slice(colon + 1).trim();
      const other = headers.get(name);
      headers.set(name, other === undefined ? value : `${other}, ${value}`);
    }
    const none = toHead || status < 200 || status === 204 || status === 304;
    const body = none
      ? ""
      : headers.get("transfer-encoding") === "chunked"
      ? await this.#chunked()
      : headers.has("content-length")
      ? await this.#take(Number(headers.get("content-length")))
      : await this.rest();
    return { status, headers, head, body };
  }

  /** All that comes until the server ends the connection. */
  async rest(): Promise<string> {
    while (await this.more());
    return this.#cut(this.received.length);
  }

  /** Reads until `mark` and returns all up to its end. */
  until(mark: string): Promise<string> {
    return this.#until(mark);
  }

  /** Reads `count` bytes; null when the connection ends before. */
  async read(count: number): Promise<string | null> {
    while (this.received.length < count) {
      if (!await this.more()) return null;
    }
    return this.#cut(count);
  }

  /** Resolves with true when the server has ended the connection. */
  async ended(): Promise<boolean> {
    while (await this.more());
    return true;
  }

  /** Reads to the end, keeps nothing, and returns how many bytes came. */
  async drain(): Promise<number> {
    let total = this.received.length;
    this.received = "";
    const buffer = new Uint8Array(65536);
    for (let count; (count = await this.#read(buffer)) !== null;) {
      total += count;
    }
    return total;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.connection.close();
    } catch {
      // The other side was faster.
    }
  }

  async #until(mark: string): Promise<string> {
    let at: number;
    while ((at = this.received.indexOf(mark)) < 0) {
      if (!await this.more()) {
        throw new Error(
          `the connection ended before ${JSON.stringify(mark)}: ${
            JSON.stringify(this.received)
          }`,
        );
      }
    }
    return this.#cut(at + mark.length);
  }

  async #take(count: number): Promise<string> {
    const bytes = await this.read(count);
    if (bytes === null) {
      throw new Error(`the body ended after ${this.received.length} bytes`);
    }
    return bytes;
  }

  async #chunked(): Promise<string> {
    let body = "";
    while (true) {
      const size = parseInt(await this.#until("\r\n"), 16);
      if (size === 0) {
        await this.#until("\r\n");
        return body;
      }
      body += await this.#take(size);
      await this.#take(2);
    }
  }

  #cut(count: number): string {
    const part = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return part;
  }

  /** Waits for more; false at the end. */
  async more(): Promise<boolean> {
    const buffer = new Uint8Array(65536);
    const count = await this.#read(buffer);
    if (count === null) return false;
    this.received += fromBytes(buffer.subarray(0, count));
    return true;
  }

  /** Null at the end, and after a reset. */
  async #read(buffer: Uint8Array): Promise<number | null> {
    let count: number | null = null;
    try {
      if (!this.over) count = await this.connection.read(buffer);
    } catch (error) {
      if (
        !(error instanceof Deno.errors.ConnectionReset) &&
        !(error instanceof Deno.errors.Interrupted) &&
        !(error instanceof Deno.errors.BadResource)
      ) throw error;
    }
    if (count === null) this.over = true;
    return count;
  }
}

/** One byte per code unit. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** One code unit per byte; "latin1" of TextDecoder is another encoding. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}
