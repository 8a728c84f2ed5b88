/**
 * A client that chooses its own port: Deno's cannot.
 *
 * @module
 */

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  send: {
    parameters: ["i32", "buffer", "usize", "i32"],
    result: "isize",
    nonblocking: true,
  },
  recv: {
    parameters: ["i32", "buffer", "usize", "i32"],
    result: "isize",
    nonblocking: true,
  },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const SO_RCVTIMEO = 20;
const MSG_NOSIGNAL = 0x4000;

/** A TCP connection from a port of one's choice. */
export class BoundClient implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", SYMBOLS);
  readonly #fd: number;
  #closed = false;

  /** @param port 0 for any: see {@linkcode port}. */
  constructor(port: number, to: { hostname: string; port: number }) {
    const { socket, bind, connect } = this.#libc.symbols;
    this.#fd = socket(AF_INET, SOCK_STREAM_CLOEXEC, 0);
    this.#set(SO_REUSEADDR, new Int32Array([1]));
    this.#set(SO_REUSEPORT, new Int32Array([1]));
    this.#set(SO_RCVTIMEO, new BigInt64Array([10n, 0n])); // seconds
    if (bind(this.#fd, address("127.0.0.1", port), 16) !== 0) {
      throw new Error(`port ${port} cannot be bound`);
    }
    if (connect(this.#fd, address(to.hostname, to.port), 16) !== 0) {
      throw new Error(`no connection from ${port} to ${to.hostname}`);
    }
  }

  /** This end's port. */
  get port(): number {
    const bytes = new Uint8Array(16);
    const length = new Uint32Array([16]);
    this.#libc.symbols.getsockname(this.#fd, bytes, length);
    return bytes[2] << 8 | bytes[3];
  }

  /** Sends all of it; false when the connection is gone. */
  async send(data: string | Uint8Array<ArrayBuffer>): Promise<boolean> {
    let bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    while (bytes.length > 0) {
      const sent = Number(
        await this.#libc.symbols.send(
          this.#fd,
          bytes,
          BigInt(bytes.length),
          MSG_NOSIGNAL,
        ),
      );
      if (sent <= 0) return false;
      bytes = bytes.subarray(sent);
    }
    return true;
  }

  get(path = "/"): Promise<boolean> {
    return this.send(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`);
  }

  /** What comes next; "" at the end, after a reset and after ten seconds. */
  async read(): Promise<string> {
    const bytes = new Uint8Array(65536);
    const length = Number(
      await this.#libc.symbols.recv(this.#fd, bytes, 65536n, 0),
    );
    return new TextDecoder().decode(bytes.subarray(0, Math.max(0, length)));
  }

  /** Asks, and gives the status of the answer; 0 where there is none. */
  async status(path = "/"): Promise<number> {
    if (!await this.get(path)) return 0;
    return Number((await this.read()).slice(9, 12));
  }

  /** Closes with a reset, so that the port can be used again at once. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#set(SO_LINGER, new Int32Array([1, 0]));
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }

  #set(
    name: number,
    value: Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>,
  ) {
    const { setsockopt } = this.#libc.symbols;
    setsockopt(this.#fd, SOL_SOCKET, name, value, value.byteLength);
  }
}

/** `struct sockaddr_in`. */
function address(hostname: string, port: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  bytes.set([AF_INET, 0, port >> 8, port & 255]);
  bytes.set(hostname.split(".").map(Number), 4);
  return bytes;
}
