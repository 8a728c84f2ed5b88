/**
 * One connection to a target.
 *
 * @module
 */

import type { Timer } from "../../std/timer.ts";
import {
  releaseDescriptors,
  reserveDescriptors,
} from "../../system/descriptor_budget.ts";
import { isRefusedCertificate } from "../../engine/error_text.ts";
import type { Target } from "./target.ts";
import { ConnectError, NoDescriptor, UpstreamError } from "./upstream_error.ts";
import {
  connectByNode,
  tlsAdvice,
  type TrustSettings,
  type UpstreamSocket,
} from "./upstream_tls.ts";

/** Bytes that are read at once, and the most that the head of an answer has. */
const BUFFER_SIZE = 65536;

/** How to connect. */
export interface ConnectSettings extends TrustSettings {
  /** Seconds for TCP and TLS together; 0 means no limit. */
  readonly connectTimeout: number;
}

/** Targets whose certificates only {@linkcode connectByNode} takes. */
const needNode = new WeakSet<Target>();

/**
 * A connection with a buffer for what comes in. All that fails, fails with an
 * {@linkcode UpstreamError}, or with what {@linkcode fail} was given.
 */
export class UpstreamConnection {
  /** True when it has carried a request before this one. */
  reused = false;
  /** True when anything has come since the last request began. */
  answered = false;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  #start = 0;
  #end = 0;
  #failure: Error | null = null;
  #waiting: Promise<number | null> | null = null;

  #closed = false;
  readonly #conn: UpstreamSocket;

  private constructor(readonly url: string, conn: UpstreamSocket) {
    this.#conn = conn;
  }

  /** Connects, and has TLS agreed upon where the target wants it. */
  static async open(
    target: Target,
    settings: ConnectSettings,
  ): Promise<UpstreamConnection> {
    if (!reserveDescriptors(1)) throw new NoDescriptor();
    const { url, hostname } = target;
    const abort = new AbortController();
    const timer = after(settings.connectTimeout, () => abort.abort());
    try {
      const conn = await connect(target, settings, abort.signal);
      return new UpstreamConnection(url, conn);
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

  /** What has come and is not taken yet; valid until the next {@linkcode fill}. */
  get buffered(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Takes `count` bytes off the buffer. */
  skip(count: number): void {
    this.#start += count;
  }

  /**
   * Waits up to `seconds` (0: as long as it takes) for more bytes; false when
   * the target has ended the connection.
   */
  async fill(seconds: number): Promise<boolean> {
    this.#makeRoom();
    const timer = this.expect(seconds, "was silent for too long");
    try {
      this.#waiting ??= this.#conn.read(this.#buffer.subarray(this.#end));
      const count = await this.#waiting;
      if (count === null) return false;
      this.#end += count;
      this.answered = true;
      return true;
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#waiting = null;
      clearTimeout(timer);
    }
  }

  /** Writes all of `bytes`; no pause may be longer than `seconds`. */
  async write(bytes: Uint8Array, seconds: number): Promise<void> {
    for (let rest = bytes; rest.byteLength > 0;) {
      const timer = this.expect(seconds, "took nothing for too long");
      try {
        rest = rest.subarray(await this.#conn.write(rest));
      } catch (error) {
        throw this.#explain(error);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  /** Fails with 504 unless the timer is cleared within `seconds` (0: never). */
  expect(seconds: number, what: string): Timer | undefined {
    return after(seconds, () => {
      this.fail(new UpstreamError(504, `${this.url} ${what} (${seconds} s).`));
    });
  }

  /** Closes the connection; whoever reads or writes gets `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#conn);
    releaseDescriptors(1);
  }

  /** Begins to lie idle; calls `onEnd` when it is of no more use. */
  rest(onEnd: () => void): void {
    this.#start = this.#end = 0;
    this.reused = true;
    this.answered = false;
    // Whatever an idle connection says, it is no answer.
    const waiting = this.#waiting = this.#conn.read(this.#buffer);
    this.#conn.unref();
    waiting.then(onEnd, onEnd);
  }

  /** Is used again. */
  wake(): void {
    this.#conn.ref();
  }

  #makeRoom(): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#end < this.#buffer.byteLength) return;
    if (this.#start === 0) {
      throw new UpstreamError(502, `${this.url} sent too long a line or head.`);
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

/** Calls `act` after `seconds`, if that is not 0. */
function after(seconds: number, act: () => void): Timer | undefined {
  return seconds > 0 ? setTimeout(act, seconds * 1000) : undefined;
}

/** Connects; nothing stays open when that fails. */
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
      // It may have another certificate by now.
      needNode.delete(target);
      throw error;
    }
  }
  const tcp = await Deno.connect({ hostname, port, signal });
  tcp.setNoDelay(true);
  // Finds targets that vanished while a WebSocket or event stream is still.
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
    // It is closed already.
  }
}
