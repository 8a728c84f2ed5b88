/** One request and what becomes of it, whatever its protocol. */

import { peerKey } from "../guard/address.ts";
import { userOf } from "../pagi/user.ts";
import { onClientGone } from "../engine/request.ts";
import type { InputBudget } from "../guard/input_monitor.ts";
import type { IdleTimes } from "../guard/guard.ts";
import type { AccessRecord } from "../log/access_format.ts";
import { currentSpan, type Span, traceError } from "../metrics/tracing.ts";
import {
  type KindIndex,
  kindIndex,
  type RequestCounters,
} from "../metrics/counters.ts";
import {
  type ChannelsOwner,
  ScopeChannels,
} from "../channels/scope_channels.ts";
import { log, logLimit } from "../log/log.ts";
import type {
  DisconnectReason,
  NetScope,
  PagiTransport,
  ReceiveEvent,
} from "../pagi/types.ts";
import { type ListenerContext, PAGI, type WorkerContext } from "./context.ts";
import {
  type Http2Connection,
  type Http2Stream,
  watchUnlessAnswered,
} from "./http2_connection.ts";
import type { BodyProgress, InFlightRequest, StopCause } from "./in_flight.ts";
import type { RequestHead, RequestKind } from "./request/head.ts";
import { type LifeOwner, ResponseLife } from "./response/life.ts";
import { lacksDescriptors } from "./response/plain_answer.ts";
import { delay } from "../std/timer.ts";

/** The header fields of records whose access log does not need any. */
const NO_FIELDS: readonly never[] = [];

/** Logs that the app threw on a request. */
export function logThrown(
  describe: () => string,
  error: unknown,
): void {
  if (!lacksDescriptors(error)) {
    return log.error(`${describe()}: the app threw.`, error);
  }
  // Clients can cause this, and the app cannot prevent it: no stack for each.
  logLimit(
    "warn",
    "descriptors",
    () => `${describe()}: too many files and connections are open (ulimit -n).`,
  );
}

/**
 * The base of the three kinds of exchange. It runs the app, gives the response
 * to the engine, watches whether the client is still there, and writes the
 * access log when both the app and the engine have finished.
 */
export abstract class Exchange
  implements InFlightRequest, Http2Stream, LifeOwner, ChannelsOwner {
  readonly worker: WorkerContext;
  readonly life: ResponseLife;
  /** Kept, because the engine drops its own once it has the response. */
  readonly address: Deno.Addr;
  /** The client, by trusted proxies or the connection; undefined if unknown. */
  readonly client: [host: string, port: number] | undefined;
  /** True when that client came by TLS. */
  readonly secure: boolean;
  readonly connection: Http2Connection | null;
  next: InFlightRequest | null = null;
  previous: InFlightRequest | null = null;
  /** Milliseconds since 1970, in the precision of the access log. */
  startedAt: number;
  /** The current span of its trace; null without tracing. */
  readonly span: Span | null = currentSpan();
  /** The kind under which metrics count it. */
  countedKind: KindIndex = 0;
  /** True when the connection is to be closed after this response. */
  closeAfterResponse = false;
  /** `pagi.channels`; null until there is a scope. */
  #channels: ScopeChannels | null = null;
  /** Set when the response comes before {@linkcode serve} returns … */
  #response: Response | null = null;
  /** … and resolves what that has returned when it comes later. */
  #resolve: ((response: Response) => void) | null = null;
  #watching = false;
  #givenUp = false;

  /** Status and size of the response for the access log. */
  abstract readonly status: number | null;
  abstract readonly bodyBytes: number;
  abstract readonly inputBudget: InputBudget | null;

  constructor(
    readonly listener: ListenerContext,
    readonly request: Request,
    readonly info: Deno.ServeHandlerInfo,
    readonly head: RequestHead,
  ) {
    this.worker = listener.worker;
    this.startedAt = this.worker.now();
    const { counters } = this.worker;
    if (counters !== null) this.countedKind = kindIndex(head.kind);
    this.life = new ResponseLife(this);
    this.connection = head.http2;
    const address = head.http2?.address ?? info.remoteAddr;
    this.address = address;
    const { forwarded } = head;
    this.client = forwarded?.client ??
      (address.transport === "tcp"
        ? [address.hostname, address.port]
        : undefined);
    this.secure = forwarded?.secure ?? listener.secure;
  }

  /** Calls the app with its scope and its two functions. */
  protected abstract callApp(): Promise<unknown>;
  /** The app's promise has resolved; `result` is undefined by the protocol. */
  protected abstract settled(result: unknown): void | Promise<void>;
  /** The app has thrown before the request ended. */
  protected abstract failed(error: unknown): void | Promise<void>;
  abstract drain(cause: StopCause): void;
  abstract disconnect(reason: DisconnectReason): void;

  /**
   * Runs the app on this exchange.
   *
   * @returns the response; a promise unless the app has sent it already.
   */
  serve(): Response | Promise<Response> {
    this.worker.inFlight.add(this);
    this.worker.counters?.started(this.countedKind);
    this.run();
    const response = this.#response;
    // After the app has begun: its own microtasks come first.
    if (this.connection !== null && response === null) {
      watchUnlessAnswered(this);
    }
    // Otherwise it would stay in memory as long as a WebSocket or stream lasts.
    this.#response = null;
    return response ?? new Promise((resolve) => (this.#resolve = resolve));
  }

  /**
   * Calls the app, and continues with `then` when its promise settles: another
   * async function would add 2.5 % to a 16-byte reply (bench/PROFILE.md).
   */
  protected run(): void {
    let app: Promise<unknown>;
    try {
      app = Promise.resolve(this.callApp());
    } catch (error) {
      app = Promise.reject(error);
    }
    app.then(
      (result) => this.conclude(() => this.settled(result)),
      (error) => this.conclude(() => this.threw(error)),
    );
  }

  /** The app has thrown. */
  protected threw(error: unknown): void | Promise<void> {
    if (this.life.ended) {
      log.debug(`${this.describe()}: the app threw after the end.`, error);
      return;
    }
    this.logThrown(error);
    return this.failed(error);
  }

  /** Completes the exchange after the app has ended. */
  protected conclude(work: () => void | Promise<void>): void {
    let rest: void | Promise<void>;
    try {
      rest = work();
    } catch (error) {
      rest = Promise.reject(error);
    }
    if (rest === undefined) return this.life.endApp();
    rest.catch((error) => log.error("The server failed on a request.", error))
      .then(() => this.life.endApp());
  }

  /** Gives the engine the response; to be called once. */
  respond(response: Response): void {
    this.unwatchClient();
    this.life.respond();
    if (this.#resolve === null) this.#response = response;
    else this.#resolve(response);
    this.#resolve = null;
  }

  /** Responds and releases the engine when the client has gone. */
  protected abandon(): void {
    if (this.life.responded) return;
    this.respond(new Response(null, { status: 503 }));
    this.life.release();
  }

  /** Called when only the disconnect is left to receive. */
  responseOver(): void {
    this.#channels?.end();
  }

  /** Overridden by WebSockets, whose `receive` waits in their inbox. */
  channelEventCame(_channels: ScopeChannels): void {}

  /** The next event of the scope's channels, or of `whenOver`. */
  protected receiveFromChannels(
    whenOver: () => Promise<ReceiveEvent>,
  ): Promise<ReceiveEvent> {
    return this.#channels!.receive(whenOver);
  }

  /** The engine has finished. */
  released(): void {}

  /** The app and the engine have finished. */
  finished(): void {
    this.#channels?.end();
    this.worker.inFlight.delete(this);
    const { accessLog, counters } = this.worker;
    if (counters !== null) this.#count(counters);
    accessLog?.write(this.record(accessLog.usesHeaders));
  }

  #count(counters: RequestCounters): void {
    const { head, life, countedKind } = this;
    counters.stopped(countedKind);
    counters.add(
      countedKind,
      head.method,
      this.status,
      this.secure,
      head.http2 !== null,
      this.startedAt,
      this.received,
      this.bodyBytes,
    );
    if (life.reason !== null) counters.addReason(life.reason);
  }

  /** From now on metrics count this exchange as an event stream. */
  protected countStream(): void {
    const { counters } = this.worker;
    if (counters === null || this.countedKind !== 0) return;
    counters.stopped(0);
    this.countedKind = 1;
    counters.started(1);
  }

  /** Bytes of the request's body that were read. */
  get received(): number {
    return 0;
  }

  get kind(): RequestKind {
    return this.head.kind;
  }

  get taken(): number | null {
    return null;
  }

  get isGiven(): boolean {
    return false;
  }

  get awaitsBody(): boolean {
    return false;
  }

  get occupiesConnection(): boolean {
    return !this.life.released;
  }

  giveUp(): void {
    logLimit(
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
    this.life.release();
    this.dropConnection();
  }

  /** Called when the engine reads no more of a body, for whatever reason. */
  protected leaveEngine(): void {
    this.life.release();
    if (this.#givenUp) this.connection!.givenUp--;
  }

  /** Calls `disconnect` when the client leaves before a response. */
  watchClient(): void {
    if (this.#watching || this.life.responded) return;
    this.#watching = true;
    onClientGone(this.request, () => {
      if (this.#watching) this.disconnect("client_closed");
    });
  }

  /** The engine may abort a request that it has answered or upgraded. */
  protected unwatchClient(): void {
    this.#watching = false;
  }

  /** True if the client has left; for requests that were not watched. */
  async clientHasLeft(): Promise<boolean> {
    if (this.life.reason !== null) return true;
    const { signal } = this.request;
    // The engine starts to check with the first access to `signal`, and reports
    // a moment later.
    if (!signal.aborted) await delay(5);
    return signal.aborted;
  }

  /** Closes an HTTP/1 connection once the response has been sent. */
  endConnection(): void {
    if (this.connection === null) this.worker.guard?.endConnection(this);
  }

  /** True when the client is to close the connection after this response. */
  get isLeaving(): boolean {
    return this.worker.leavingSince !== null && this.connection === null;
  }

  dropConnection(): boolean {
    const { guard } = this.worker;
    if (guard === null || !this.ownsTcp) return false;
    guard.dropConnection(this);
    return true;
  }

  dropShared(why: string): void {
    log.debug(() => `Dropped the connection of ${this.peerKey}: ${why}.`);
    this.worker.guard?.dropConnection(this);
  }

  /** How long the connection has been idle; null if unknown. */
  connectionIdleTimes(): IdleTimes | null {
    return this.worker.guard?.idleTimes(this) ?? null;
  }

  /** True if the connection is TCP and serves this exchange only. */
  protected get ownsTcp(): boolean {
    return this.address.transport === "tcp" && this.connection === null;
  }

  /** Adds `connection: close`, unless the head has been sent. */
  markClose(): void {
    this.closeAfterResponse ||= !this.life.started;
  }

  /** The connection's name for the guard. */
  get peerKey(): string {
    return peerKey(this.address, this.listener.name);
  }

  /** Logs an error with method and path of the request. */
  logError(what: string, error?: unknown): void {
    const kind = error === undefined ? what : undefined;
    log.error(`${this.describe()}: ${what}`, error, kind);
  }

  /** Logs that the app threw. */
  protected logThrown(error: unknown): void {
    traceError(this.span, error);
    logThrown(() => this.describe(), error);
  }

  describe(): string {
    return `${this.head.method} ${this.head.rawPath}`;
  }

  /** True when the access log or metrics need the number of bytes sent. */
  get countsBytes(): boolean {
    const { accessLog, counters } = this.worker;
    return counters !== null || (accessLog?.usesBodyBytes ?? false);
  }

  /** True when the development log shows the progress of bodies. */
  get showsProgress(): boolean {
    return this.worker.accessLog?.showsProgress ?? false;
  }

  get transfer(): BodyProgress | null {
    return null;
  }

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

  /** The scope without the keys of its kind; plain, so that middleware can copy it. */
  netScope<Type extends string, Scheme extends string>(
    type: Type,
    scheme: Scheme,
    transport: PagiTransport,
  ): NetScope & { type: Type; scheme: Scheme } {
    const { head, listener, client } = this;
    const { state, settings } = this.worker;
    const channels = this.#channels = new ScopeChannels(this);
    // In one literal: adding a property later changes the object's shape in V8.
    const scope: NetScope & { type: Type; scheme: Scheme } = {
      type,
      pagi: PAGI,
      http_version: head.http2 ? "2" : "1.1",
      scheme,
      path: head.path,
      raw_path: head.rawPath,
      query_string: head.query,
      root_path: settings.rootPath,
      headers: head.headers,
      server: listener.server,
      extensions: listener.httpExtensions,
      "pagi.transport": transport,
      "pagi.channels": channels,
      "pagi.channel": channels.ownChannel,
    };
    if (client !== undefined) scope.client = client;
    if (head.emptyQuery) scope["pagi.empty_query"] = 1;
    if (state !== null) scope.state = { ...state };
    return scope;
  }

  /** The access log's record: nothing in it keeps the request in memory. */
  record(usesHeaders: boolean): AccessRecord {
    const { method, rawPath, query, http2 } = this.head;
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
      headers: usesHeaders ? this.head.headers : NO_FIELDS,
      span: this.span,
      user: userOf(this.head),
    };
  }
}
