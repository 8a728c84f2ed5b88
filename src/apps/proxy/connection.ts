/** A connection to a target, by TCP or TLS, and its errors. */

import type { TLSSocket } from "node:tls";
import type { Target } from "./target.ts";
import { isRefusedCertificate, tlsFault } from "../../engine/error_text.ts";
import type { HeaderList } from "../../pagi/types.ts";
import { type Timed, TimeLimit, type TimeoutSweep } from "./timeout_sweep.ts";
import { timerDelay, unref } from "../../std/timer.ts";
import {
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";

/** A target has failed, or none can be reached. */
export class UpstreamError extends Error {
  override readonly name: string = "UpstreamError";

  /**
   * @param status The client's response: 502 for a bad answer, 504 after a
   * timeout (RFC 9110, 15.6.3 and 15.6.5), 503 where the proxy is at fault.
   */
  constructor(
    readonly status: 502 | 503 | 504,
    override readonly message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** `retry-after`, in seconds, for a 503. */
export function retryFields({ status }: UpstreamError): HeaderList {
  return status === 503 ? [["retry-after", "5"]] : [];
}

/** The target cannot be reached; no part of the request was sent. */
export class ConnectError extends UpstreamError {
  override readonly name = "ConnectError";
}

/** Bytes per read, and the maximum size of a response head. */
const BUFFER_SIZE = 65536;

/** How to connect. */
export interface ConnectSettings {
  /** Seconds for TCP and TLS together; 0 means no limit. */
  readonly connectTimeout: number;
  /** Trusted authorities (PEM) in addition to the default ones. */
  readonly caCerts: string[];
  /** False accepts any certificate. */
  readonly verify: boolean;
}

/** Targets whose certificates only {@linkcode connectByNode} accepts. */
const needNode = new WeakSet<Target>();

const ENCODER = new TextEncoder();

/**
 * A connection with a read buffer. Its methods fail with an
 * {@linkcode UpstreamError}, or with the error given to {@linkcode fail}.
 */
export class UpstreamConnection implements Timed {
  /** True when bytes have arrived since the current request began. */
  responseStarted = false;
  /** How many of the buffered bytes have been searched in vain for an end. */
  scanned = 0;
  /** Since when it has been idle (`performance.now()`). */
  idleSince = 0;
  /** Called once, when it is closed. */
  onClose: () => void = () => {};
  /** Called when an idle connection can no longer be used. */
  #onIdleEnd: ((connection: UpstreamConnection) => void) | null = null;
  readonly #endIdle = (): void => this.#onIdleEnd?.(this);
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  #start = 0;
  #end = 0;
  /** The heads of requests, one at a time. */
  #requestBuffer: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #failure: Error | null = null;
  #reading: Promise<number | null> | null = null;
  #closed = false;
  readonly #read = new TimeLimit("was silent for too long");
  readonly #write = new TimeLimit("read nothing for too long");
  readonly #answer = new TimeLimit("gave no answer");
  readonly #idle = new TimeLimit("was idle");
  readonly #conn: UpstreamSocket;

  private constructor(
    readonly url: string,
    conn: UpstreamSocket,
    readonly timeouts: TimeoutSweep,
  ) {
    this.#conn = conn;
    timeouts.watch(this);
  }

  /** Connects, by TLS where the target's URL is https. */
  static async open(
    target: Target,
    settings: ConnectSettings,
    timeouts: TimeoutSweep,
  ): Promise<UpstreamConnection> {
    if (!reserveDescriptors(1)) {
      throw new UpstreamError(
        503,
        "No file descriptor is left for a connection to a target.",
      );
    }
    const { url, hostname } = target;
    const abort = new AbortController();
    const { connectTimeout } = settings;
    const timer = connectTimeout === 0 ? undefined : unref(
      setTimeout(() => abort.abort(), timerDelay(connectTimeout)),
    );
    try {
      const conn = await connect(target, settings, abort.signal);
      return new UpstreamConnection(url, conn, timeouts);
    } catch (error) {
      releaseDescriptors(1);
      if (abort.signal.aborted) {
        throw new ConnectError(504, `${url} took too long to connect to.`);
      }
      const advice = tlsAdvice(error, hostname);
      throw new ConnectError(
        502,
        `${url} cannot be reached.${advice && " "}${advice}`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Bytes received but not consumed; valid until the next {@linkcode fill}. */
  get buffered(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** True if any bytes were received and not consumed. */
  get hasBuffered(): boolean {
    return this.#end > this.#start;
  }

  /** Consumes `count` bytes of the buffer. */
  skip(count: number): void {
    this.#start += count;
    this.scanned = 0;
  }

  /**
   * Waits up to `seconds` (0: no limit) for more bytes; false when the target
   * has closed the connection.
   */
  async fill(seconds: number): Promise<boolean> {
    this.#compact();
    if (seconds > 0) this.#limit(this.#read, seconds);
    try {
      this.#reading ??= this.#conn.read(this.#buffer.subarray(this.#end));
      const count = await this.#reading;
      if (count === null) return false;
      this.#end += count;
      this.responseStarted = true;
      return true;
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#reading = null;
      this.#read.stop();
    }
  }

  /** Writes all of `bytes`; no pause may be longer than `seconds`. */
  async write(bytes: Uint8Array, seconds: number): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      this.#limit(this.#write, seconds);
      try {
        const count = await this.#conn.write(rest);
        if (count === rest.byteLength) return;
        rest = rest.subarray(count);
      } catch (error) {
        throw this.#explain(error);
      } finally {
        this.#write.stop();
      }
    }
  }

  /**
   * Writes the head of a request (one byte per code unit) and the beginning of
   * its body at once.
   */
  writeHead(head: string, body: Uint8Array, seconds: number): Promise<void> {
    const size = head.length + body.byteLength;
    if (this.#requestBuffer.length < size) {
      this.#requestBuffer = new Uint8Array(size);
    }
    const bytes = this.#requestBuffer;
    const { read, written } = ENCODER.encodeInto(head, bytes);
    if (read < head.length || written > read) { // not ASCII
      for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
    }
    bytes.set(body, head.length);
    return this.write(bytes.subarray(0, size), seconds);
  }

  /** Fails with 504 unless the response's head comes within `seconds`. */
  expectAnswer(seconds: number): void {
    this.#limit(this.#answer, seconds);
  }

  /** The response's head has come. */
  answered(): void {
    this.#answer.stop();
  }

  #limit(limit: TimeLimit, seconds: number): void {
    if (this.#closed) return;
    limit.start(seconds, performance.now());
    this.timeouts.schedule(limit.due);
  }

  get due(): number {
    return Math.min(
      this.#read.due,
      this.#write.due,
      this.#answer.due,
      this.#idle.due,
    );
  }

  expire(): void {
    const { due } = this;
    if (due === this.#idle.due) return this.#endIdle();
    const limits = [this.#read, this.#write, this.#answer];
    const { seconds, what } = limits.find((limit) => limit.due === due)!;
    this.fail(new UpstreamError(504, `${this.url} ${what} (${seconds} s).`));
  }

  /** Closes the connection; pending reads and writes fail with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.timeouts.unwatch(this);
    this.onClose();
    close(this.#conn);
    releaseDescriptors(1);
  }

  /**
   * Becomes idle for up to `seconds`; calls `onEnd` when it can no longer be
   * used.
   */
  setIdle(
    seconds: number,
    onEnd: (connection: UpstreamConnection) => void,
  ): void {
    this.#start = this.#end = 0;
    this.responseStarted = false;
    this.#onIdleEnd = onEnd;
    const now = this.idleSince = performance.now();
    this.#idle.start(seconds, now);
    this.timeouts.schedule(this.#idle.due);
    // Bytes on an idle connection belong to no response (RFC 9112, 9.2).
    this.#reading = this.#conn.read(this.#buffer);
    this.#conn.unref();
    this.#reading.then(this.#endIdle, this.#endIdle);
  }

  /** Ends the idle state. */
  setBusy(): void {
    this.#onIdleEnd = null;
    this.#idle.stop();
    this.#conn.ref();
  }

  /** Makes room in the buffer. @throws {UpstreamError} When it is full. */
  #compact(): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#end < this.#buffer.byteLength) return;
    if (this.#start === 0) {
      throw new UpstreamError(
        502,
        `${this.url} sent a line or head that is too long.`,
      );
    }
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }

  #explain(error: unknown): Error {
    return this.#failure ?? new UpstreamError(
      502,
      `${this.url} broke the connection.`,
      { cause: error },
    );
  }
}

/** Connects; nothing stays open after a failure. */
async function connect(
  target: Target,
  settings: ConnectSettings,
  signal: AbortSignal,
): Promise<UpstreamSocket> {
  const { hostname, port, secure, socket } = target;
  if (socket !== null) {
    return await Deno.connect({ transport: "unix", path: socket });
  }
  if (secure && (!settings.verify || needNode.has(target))) {
    try {
      return await connectByNode(target, settings, signal);
    } catch (error) {
      // The target may have another certificate by now.
      needNode.delete(target);
      throw error;
    }
  }
  const tcp = await Deno.connect({ hostname, port, signal });
  tcp.setNoDelay(true);
  // Detects targets that vanish while a WebSocket or event stream is silent.
  tcp.setKeepAlive(true);
  if (!secure) return tcp;
  let conn: Deno.TcpConn | Deno.TlsConn = tcp;
  const abort = (): void => close(conn);
  signal.addEventListener("abort", abort);
  try {
    const tls = await Deno.startTls(tcp, {
      hostname,
      caCerts: settings.caCerts,
      alpnProtocols: ["http/1.1"],
    });
    conn = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close(conn);
    if (settings.caCerts.length === 0 || !isRefusedCertificate(error)) {
      throw error;
    }
    const socket = await connectByNode(target, settings, signal);
    needNode.add(target);
    return socket;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function close(conn: UpstreamSocket): void {
  try {
    conn.close();
  } catch {
    // It was closed already.
  }
}

type UpstreamSocket = Pick<
  Deno.Conn,
  "read" | "write" | "close" | "ref" | "unref"
>;

/**
 * Connects by `node:tls`, which can accept what `Deno.startTls` (2.9.6) cannot:
 * any certificate, one for another name, and a self-signed CA certificate as
 * `openssl req -x509` makes it (webpki: CaUsedAsEndEntity).
 *
 * A certificate in `caCerts` itself is accepted for any name, since only its
 * owner has the key. For others, authority and name are checked.
 */
async function connectByNode(
  { hostname, port }: Target,
  { caCerts, verify }: ConnectSettings,
  signal: AbortSignal,
): Promise<UpstreamSocket> {
  const { checkServerIdentity, connect } = await import("node:tls");
  const pinned = caCerts.flatMap(certificatesIn);
  const isAddress = /^[\d.]+$|:/.test(hostname);
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port,
      servername: isAddress ? undefined : hostname,
      ca: caCerts.length > 0 ? caCerts : undefined,
      rejectUnauthorized: verify,
      ALPNProtocols: ["http/1.1"],
      checkServerIdentity: (name, certificate) =>
        pinned.includes(certificate.raw.toBase64())
          ? undefined
          : checkServerIdentity(name, certificate),
    }, () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", reject);
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      resolve(new NodeSocket(socket));
    });
    const abort = (): void => void socket.destroy(new Error("aborted"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    socket.on("error", reject);
  });
}

/** A Node socket with the interface of Deno's. */
class NodeSocket implements UpstreamSocket {
  readonly #socket: TLSSocket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#chunks = socket.iterator({ destroyOnReturn: false });
    // Reads and writes report errors.
    socket.on("error", () => {});
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#rest.byteLength === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, into.byteLength);
    this.#rest = this.#rest.subarray(part.byteLength);
    into.set(part);
    return part.byteLength;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(
        bytes,
        (error) => error ? reject(error) : resolve(bytes.byteLength),
      )
    );
  }

  close(): void {
    this.#socket.destroy();
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }
}

const PEM = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;

/** The certificates of a PEM file (DER in base64). */
function certificatesIn(pem: string): string[] {
  return [...pem.matchAll(PEM)].map(([, text]) => text.replace(/\s/g, ""));
}

const ANY = "verify=0 accepts any certificate, from anybody.";
const NO_CERTIFICATE =
  "It may require a client certificate, which the proxy does not have, or other ciphers.";

/** Advice for a failed TLS handshake, or "". */
export function tlsAdvice(error: unknown, name: string): string {
  switch (tlsFault(error)) {
    case "other name":
      return `Its certificate is for another name than ${name}: use that name in target, or add the certificate itself to the authorities in ca_cert=FILE; ${ANY}`;
    case "out of date":
      return `Its certificate has expired or is not valid yet: it has to be renewed; ${ANY}`;
    case "untrusted":
      return `Its certificate is not signed by a trusted authority: name the authority, or the certificate itself where it is self-signed, with ca_cert=FILE; ${ANY}`;
    case "certificate refused":
      return `Its certificate was refused: name it itself with ca_cert=FILE where it is self-signed; ${ANY}`;
    case "no TLS":
      return "It does not speak TLS: use http instead of https.";
    case "old TLS":
      return "It supports no version of TLS from 1.2 on.";
    case "certificate wanted":
    case "handshake refused":
      return NO_CERTIFICATE;
    case null:
      return "";
  }
}
