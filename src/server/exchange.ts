/**
 * One request and what becomes of it, whatever its protocol.
 *
 * @module
 */

import type { DisconnectReason } from "../pagi/types.ts";
import type { AccessRecord } from "../log/access_format.ts";
import { peerKey } from "../guard/address.ts";
import type { ExpectedInput } from "../guard/client_watch.ts";
import type { Silence } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import { lacksDescriptors } from "./response/plain_answer.ts";
import { ConnectionState } from "./response/life.ts";
import type { ListenerContext, WorkerContext } from "./context.ts";
import type { Http2Connection, Http2Stream } from "./http2_connection.ts";
import type { RequestHead } from "./request/head.ts";
import type { Chained } from "./in_flight.ts";

/** What the engine takes without telling. */
export const UNSEEN = -1;
/** What records hold of fields that no line tells. */
const NO_FIELDS: readonly never[] = [];

/** Why a server stops: for good, or because a successor has taken over. */
export type StopCause = "stopped" | "replaced";

/**
 * The base of the three kinds of exchange. It hands the response to the
 * engine, watches whether the client is still there, and writes the access
 * log when both the app and the response have ended.
 */
export abstract class Exchange implements Chained, Http2Stream {
  readonly worker: WorkerContext;
  readonly state: ConnectionState;
  /** Who asks; the engine forgets it once it has the response. */
  readonly address: Deno.Addr;
  /** The one behind trusted proxies; undefined where nobody tells. */
  readonly client: [host: string, port: number] | undefined;
  /** True when that client came by TLS. */
  readonly secure: boolean;
  /** The HTTP/2 connection that it shares with others. */
  readonly connection: Http2Connection | null;
  next: Exchange | null = null;
  previous: Exchange | null = null;
  /** Milliseconds since 1970, as exactly as the access log tells them. */
  readonly startedAt: number;
  /** The connection ends with this answer. */
  isLast = false;
  #handedOff = false;
  /** Kept until the engine asks for it. */
  #response: Response | null = null;
  #resolve: ((response: Response) => void) | null = null;
  #watching = false;
  #givenUp = false;
  #appEnded = false;
  #responseEnded = false;

  /** What the access log says of the response. */
  abstract readonly status: number | null;
  abstract readonly bodyBytes: number;

  constructor(
    readonly listener: ListenerContext,
    readonly request: Request,
    readonly info: Deno.ServeHandlerInfo,
    readonly head: RequestHead,
  ) {
    this.worker = listener.worker;
    this.startedAt = this.worker.now();
    this.state = new ConnectionState(this);
    const address = info.remoteAddr;
    this.address = address;
    this.connection = head.http2;
    const told = listener.findClient === null
      ? null
      : listener.findClient(address, head.headers);
    this.client = told?.client ??
      (address.transport === "tcp"
        ? [address.hostname, address.port]
        : undefined);
    this.secure = told?.secure ?? listener.secure;
    this.worker.running.add(this);
  }

  /** The response, at once where the app has given it already. Ask once. */
  response(): Response | Promise<Response> {
    const response = this.#response;
    this.#response = null;
    return response ?? new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Gives the engine the response; there is only one. */
  handOff(response: Response): void {
    this.state.start();
    this.unwatchClient();
    this.#give(response);
  }

  #give(response: Response): void {
    this.#handedOff = true;
    if (this.#resolve === null) this.#response = response;
    else this.#resolve(response);
    this.#resolve = null;
  }

  /** True once the engine has its response. */
  get handedOff(): boolean {
    return this.#handedOff;
  }

  /** Lets the engine go where nobody is left to read a response. */
  protected abandon(): void {
    if (this.#handedOff) return;
    this.#give(new Response(null, { status: 503 }));
    this.endResponse();
  }

  /**
   * Runs the app on this exchange. What is to be done after it hangs on its
   * promise: an async function that waits costs a fortieth of a small reply.
   */
  run(): void {
    // Of a stream that was reset before, the engine tells nothing.
    if (this.head.http2) this.watchClient();
    let app: Promise<unknown>;
    try {
      app = Promise.resolve(this.callApp());
    } catch (error) {
      app = Promise.reject(error);
    }
    app.then(
      (result) => this.#conclude(() => this.settled(result)),
      (error) => this.#conclude(() => this.failed(error)),
    );
  }

  /** Does what an app leaves to do that has ended. */
  #conclude(work: () => void | Promise<void>): void {
    let rest: void | Promise<void>;
    try {
      rest = work();
    } catch (error) {
      rest = Promise.reject(error);
    }
    if (rest === undefined) return this.#endApp();
    rest.catch((error) => log.error("The server failed on a request.", error))
      .then(() => this.#endApp());
  }

  #endApp(): void {
    this.#appEnded = true;
    this.#finish();
  }

  /** Calls the app with what it is to have. */
  protected abstract callApp(): Promise<void>;
  /** The app has resolved, with nothing if it keeps to the protocol. */
  protected abstract settled(result: unknown): void | Promise<void>;
  /** The app has thrown. */
  protected abstract failed(error: unknown): void | Promise<void>;
  /** The server stops: ends what has no end of its own. */
  abstract drain(cause: StopCause): void;
  /** The client is gone, or the server gives it up. */
  abstract disconnect(reason: DisconnectReason): void;

  /**
   * Changes whenever something is taken of what waits for the client; null
   * while nothing does, and {@linkcode UNSEEN} where nobody tells.
   */
  get taken(): number | null {
    return null;
  }

  /** True when the engine has been given all of the response. */
  get isGiven(): boolean {
    return false;
  }

  /** The client has taken nothing of the response for the time of `--timeout`. */
  giveUp(): void {
    this.worker.seldom.say(
      "info",
      "write_timeout",
      () =>
        `${this.describe()} was broken off: the client took nothing of the response for ${this.worker.settings.timeout} s (--timeout).`,
    );
    if (this.connection !== null) {
      this.#givenUp = true;
      this.connection.givenUp++;
    }
    this.disconnect("write_timeout");
    this.endResponse();
    this.dropConnection();
  }

  /** The engine has done with the response, whatever became of it. */
  leaveEngine(): void {
    this.endResponse();
    const { connection } = this;
    if (connection === null || !this.#givenUp) return;
    connection.givenUp--;
  }

  /** The engine has all of the response, or will get no more of it. */
  endResponse(): void {
    if (this.#responseEnded) return;
    this.#responseEnded = true;
    this.#finish();
  }

  /** True while the connection cannot be taken for idle. */
  get occupiesConnection(): boolean {
    return !this.#responseEnded;
  }

  #finish(): void {
    if (!this.#appEnded || !this.#responseEnded) return;
    this.worker.running.delete(this);
    const { accessLog } = this.worker;
    accessLog?.write(this.#record(accessLog.tellsFields));
  }

  /**
   * Settles when the engine has written the response. Ask before it has it.
   */
  get completed(): Promise<void> {
    return this.info.completed;
  }

  /** Has `disconnect` called when the client leaves before a response. */
  watchClient(): void {
    if (this.#watching || this.#handedOff) return;
    this.#watching = true;
    const { signal } = this.request;
    if (signal.aborted) return this.disconnect("client_closed");
    signal.addEventListener("abort", () => {
      if (this.#watching) this.disconnect("client_closed");
    }, { once: true });
  }

  /** Engines may abort a request that they have answered or upgraded. */
  protected unwatchClient(): void {
    this.#watching = false;
  }

  /** Tells whether the client has left, where nobody watched so far. */
  async clientHasLeft(): Promise<boolean> {
    if (this.state.reason !== null) return true;
    const { signal } = this.request;
    // The engine looks when it is first asked, and tells a moment later.
    if (!signal.aborted) await new Promise((resume) => setTimeout(resume, 5));
    return signal.aborted;
  }

  /** Closes the connection once the answer has left; HTTP/2 shares it. */
  endConnection(): void {
    if (!this.head.http2) this.worker.guard?.endConnection(this);
  }

  /** True while a request body is on its way to the app. */
  get awaitsBody(): boolean {
    return false;
  }

  /** True when the client is to close the connection after this answer. */
  get isLeaving(): boolean {
    return this.worker.leavingSince !== null && !this.head.http2;
  }

  /** Sends the connection's end right behind a short answer. */
  finishBehind(): void {
    if (this.ownsTcp) this.worker.guard?.finishBehind(this);
  }

  /** Closes the connection at once; HTTP/2 shares it. False: nobody can. */
  dropConnection(): boolean {
    const { guard } = this.worker;
    if (guard === null || !this.ownsTcp) return false;
    guard.dropConnection(this);
    return true;
  }

  /** Closes the HTTP/2 connection at once, with all that runs on it. */
  dropShared(why: string): void {
    log.debug(() => `Dropped the connection of ${this.peerKey}: ${why}.`);
    this.worker.guard?.dropConnection(this);
  }

  /** For how long nothing went over the connection; null: nobody knows. */
  connectionSilence(): Silence | null {
    return this.worker.guard?.silence(this) ?? null;
  }

  /** See {@linkcode WatchedRequest}. */
  abstract readonly input: ExpectedInput | null;

  /** True of a connection that is this exchange's alone, and of TCP. */
  protected get ownsTcp(): boolean {
    return this.address.transport === "tcp" && !this.head.http2;
  }

  /** Ends the connection with this answer, where the client can be told. */
  makeLast(): void {
    this.isLast ||= !this.state.responseStarted();
  }

  /** The connection's name for the guard. */
  get peerKey(): string {
    return peerKey(this.address, this.listener.name);
  }

  /** Says in the log which request an error belongs to. */
  protected logError(what: string, error?: unknown): void {
    log.error(`${this.describe()}: ${what}`, error);
  }

  /** Says in the log that the app threw. */
  protected logThrown(error: unknown): void {
    if (!lacksDescriptors(error)) return this.logError("the app threw.", error);
    // Clients can bring that about, and the app can do nothing about it.
    this.worker.seldom.say(
      "warn",
      "descriptors",
      () =>
        `${this.describe()}: too many files and connections are open (ulimit -n).`,
    );
  }

  /** Method and path, for logs. */
  describe(): string {
    return `${this.head.method} ${this.head.rawPath}`;
  }

  /** True when the access log will want to know how much was sent. */
  get countsBytes(): boolean {
    return this.worker.accessLog?.tellsBytes ?? false;
  }

  /** Seconds since the request came. */
  get age(): number {
    return this.#durationMs / 1000;
  }

  get #durationMs(): number {
    // The clock may have been set back.
    return Math.max(0, this.worker.now() - this.startedAt);
  }

  /** The value of a request header, by its name in lower case. */
  header(name: string): string | null {
    for (const [key, value] of this.head.headers) {
      if (key === name) return value;
    }
    return null;
  }

  /** What the access log will tell; it holds on to no more than that. */
  #record(tellsFields: boolean): AccessRecord {
    const { method, rawPath, query, http2, headers } = this.head;
    return {
      host: this.client?.[0] ?? "unix",
      method,
      rawPath,
      query,
      httpVersion: http2 ? "2" : "1.1",
      status: this.status,
      bodyBytes: this.bodyBytes,
      startedAt: this.startedAt,
      durationMs: this.#durationMs,
      headers: tellsFields ? headers : NO_FIELDS,
    };
  }
}
