/** A server: one app, some addresses, from startup to shutdown. */

import type { WatchedRequest } from "../guard/input_monitor.ts";
import { type Guard, openGuard } from "../guard/guard.ts";
import { log, logLimit, reopenLog } from "../log/log.ts";
import type { RequestCounters } from "../metrics/counters.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { endKeptThreads } from "../pagi/kept_threads.ts";
import type { DisconnectReason, PagiApp, State } from "../pagi/types.ts";
import { holdFileLibrary } from "../system/file_names.ts";
import { AccessLog } from "./access_log.ts";
import {
  connectionLimit as connectionLimitOf,
  reportGuard,
} from "./connection_limit.ts";
import {
  listenerContext,
  type Upgrade,
  type WorkerContext,
} from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { drain } from "./drain.ts";
import { InFlight, type StopCause } from "./in_flight.ts";
import { type KeyPair, readKeyPair } from "./key_pair.ts";
import { Lifespan } from "./lifespan.ts";
import { Listener, type SharedSocket } from "./listener.ts";
import { listenAddresses } from "./listen_address.ts";
import { StalledResponses } from "./stalled_responses.ts";
import { DeadlineSet } from "../std/timer.ts";
import { GracePeriod } from "./timers.ts";

/** Serves an app with settings (PAGI.md 6, "In code"). */
export class Server {
  readonly settings: ResolvedSettings;
  readonly #app: PagiApp;
  readonly #role: ServerRole;
  readonly #lifespan: Lifespan;
  #keyPair: KeyPair | null = null;
  #worker: WorkerContext | null = null;
  #listeners: Listener[] = [];
  #accessLog: AccessLog | null = null;
  #fileLibrary: Disposable | null = null;
  #stopping: Promise<void> | null = null;
  readonly #grace = new GracePeriod();

  /**
   * @param settings As `resolveSettings` gives them.
   */
  constructor(
    app: PagiApp,
    settings: ResolvedSettings,
    role: Partial<ServerRole> = {},
  ) {
    this.settings = settings;
    this.#app = app;
    this.#role = { ...ALONE, ...role };
    this.#lifespan = new Lifespan(app, {
      mode: this.settings.lifespan,
      startupTimeout: this.settings.lifespanStartupTimeout,
      shutdownTimeout: this.settings.shutdownTimeout,
      workerNumber: this.#role.workerNumber,
    });
  }

  /** The addresses as they were bound. */
  get addresses(): ListenAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** The bound addresses with resolved host names. */
  get bound(): (Deno.NetAddr | Deno.UnixAddr)[] {
    return this.#listeners.flatMap((listener) => listener.bound ?? []);
  }

  /** The URLs that a browser can open; none for Unix sockets. */
  get urls(): string[] {
    return this.#listeners.flatMap((listener) => listener.url ?? []);
  }

  /** Facts for the banner. */
  facts(): {
    urls: readonly string[];
    addresses: readonly ListenAddress[];
    connectionLimit: number | null;
    settings: ResolvedSettings;
  } {
    const { urls, addresses, settings } = this;
    const connectionLimit = this.#worker?.guard?.limit ?? null;
    return { urls, addresses, connectionLimit, settings };
  }

  /** True while connections are accepted. */
  get serving(): boolean {
    return this.#listeners.length > 0 && this.#stopping === null;
  }

  /** True when other workers may listen at the same addresses. */
  get sharesAddresses(): boolean {
    return this.#role.shared;
  }

  /** The open connections; null without a guard. */
  get connections(): number | null {
    return this.#worker?.guard?.count() ?? null;
  }

  /** The guard of its connections, if it has one. */
  get guard(): Guard | null {
    return this.#worker?.guard ?? null;
  }

  /**
   * Starts the app, then listens. When it fails nothing stays bound.
   *
   * @throws {StartupError} When the app does not start.
   * @throws {ListenError} When an address cannot be listened at.
   */
  async start(
    addresses: readonly ListenAddress[] = listenAddresses(this.settings),
  ): Promise<void> {
    await this.startApp();
    if (this.#stopping === null) await this.listen(addresses);
  }

  /** The first half of a start. @throws {StartupError} */
  async startApp(): Promise<void> {
    this.#keyPair = this.#role.keyPair ?? await readKeyPair(this.settings);
    if (this.#stopping !== null) return;
    this.#accessLog = AccessLog.open(this.settings);
    await this.#orStop(() => this.#lifespan.startup());
    // Stopped meanwhile: an app that has started has to shut down as well.
    if (this.#stopping !== null) await this.#lifespan.shutdown(this.#grace);
  }

  /**
   * The second half: binds `addresses`.
   *
   * @param shared Unix sockets that are bound already, by their paths.
   * @throws {ListenError} When one cannot be listened at.
   */
  async listen(
    addresses: readonly ListenAddress[],
    shared: ReadonlyMap<string, SharedSocket> = new Map(),
  ): Promise<void> {
    const worker = this.#worker = this.#createWorker(this.#lifespan.state);
    this.#fileLibrary = holdFileLibrary();
    await this.#orStop(async () => {
      for (const address of addresses) {
        const socket = "path" in address ? shared.get(address.path) : null;
        const listener = new Listener(worker, address, this.#keyPair, socket);
        await listener.listen();
        this.#listeners.push(listener);
        if (this.#stopping !== null) return await listener.shutdown();
      }
    });
    const [address] = this.bound;
    if (address !== undefined) this.#role.onListen(address);
    // With workers, the supervisor reports it once.
    if (!this.#isAlone || this.#stopping !== null) return;
    reportGuard(worker.guard, this.#connectionLimit(), this.settings);
  }

  /** The certificate and key in use; null without TLS. */
  get keyPair(): KeyPair | null {
    return this.#keyPair;
  }

  /**
   * Listens at the same addresses with another certificate. New connections
   * reach the new listeners or the old ones until the returned function closes
   * those; what runs on their connections comes to its end.
   *
   * @throws {ListenError} When an address cannot be bound once more; the old
   * listener goes on there.
   */
  async listenAnew(keyPair: KeyPair): Promise<() => Promise<void>> {
    const closes: (() => Promise<void>)[] = [];
    for (const listener of this.#listeners) {
      closes.push(await listener.renew(keyPair));
    }
    this.#keyPair = keyPair;
    return async () => {
      await Promise.all(closes.map((close) => close()));
    };
  }

  /**
   * The second half without an address, for tests of apps: nothing is bound,
   * no connection guarded.
   *
   * @returns what the engine would call for each request
   */
  handler(
    server: [host: string, port: number],
    upgrade: Upgrade,
  ): Deno.ServeHandler {
    const worker = this.#worker = this.#createWorker(
      this.#lifespan.state,
      false,
    );
    const listener = listenerContext(worker, server, null, null, upgrade);
    return (request, info) => dispatch(listener, request, info);
  }

  async #orStop(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** The peers with a request running, for a guard elsewhere. */
  occupiedPeers(): string[] {
    return this.#worker === null ? [] : [...occupied(this.#worker.inFlight)];
  }

  /** To be called when a guard has closed a connection. */
  connectionClosed(
    peer: string,
    reason: DisconnectReason,
    request?: WatchedRequest,
  ): void {
    log.debug(() => `Closed the connection of ${peer}: ${reason}.`);
    if (reason === "queue_overflow" || reason === "protocol_error") {
      logLimit(
        "warn",
        reason,
        () =>
          `The connection of ${peer} was closed: it sent more than it may (${reason}).`,
      );
    }
    for (const exchange of this.#worker?.inFlight ?? []) {
      if (request ? exchange === request : exchange.peerKey === peer) {
        exchange.disconnect(reason);
      }
    }
  }

  /** Writes buffered lines of the access log; resolves when they are written. */
  async flushLogs(): Promise<void> {
    await this.#accessLog?.flush();
  }

  /** For a process that exits now: removes sockets' files, writes buffered log lines. */
  abandon(): void {
    for (const listener of this.#listeners) listener.abandon();
    this.#accessLog?.flushSync();
  }

  /**
   * Accepts no more, because other workers take the new connections, and sends
   * `connection: close` with each response from now on. To be followed by
   * {@linkcode stop} after `LEAVE_MS` (drain.ts).
   */
  leave(): void {
    for (const listener of this.#listeners) listener.leave();
    this.#markLeaving();
  }

  #markLeaving(): void {
    if (this.#worker !== null) this.#worker.leavingSince ??= performance.now();
  }

  /** Reopens the log files. */
  reopenLogs(): void {
    reopenLog();
    this.#accessLog?.reopen();
  }

  /**
   * Stops as PAGI.md 6 says: stops accepting, ends event streams and
   * WebSockets, waits for the requests in flight, and shuts the app down. Each
   * further call ends the current wait.
   *
   * @param cause Determines the Close code: 1012 lets WebSocket clients reconnect.
   */
  stop(cause: StopCause = "stopped"): Promise<void> {
    if (this.#stopping !== null) this.#grace.end();
    return this.#stopping ??= this.#stop(cause);
  }

  async #stop(cause: StopCause): Promise<void> {
    const worker = this.#worker;
    if (worker !== null) {
      this.#markLeaving();
      worker.draining = cause;
      await drain(worker, this.#listeners, this.#grace, this.#isAlone);
    }
    await this.#lifespan.shutdown(this.#grace);
    endKeptThreads();
    worker?.guard?.close();
    this.#fileLibrary?.[Symbol.dispose]();
    await this.#accessLog?.close();
  }

  #createWorker(state: State | null, guarded = true): WorkerContext {
    const { settings } = this;
    const isAlone = this.#isAlone;
    const inFlight = new InFlight(() => {
      guard?.wake();
      stalled.wake();
    });
    const guard = guarded
      ? this.#openGuard(inFlight, this.#connectionLimit())
      : null;
    const stalled = new StalledResponses(
      settings.timeout * 1000,
      inFlight,
      guard,
    );
    const accessLog = this.#accessLog;
    accessLog?.watch(inFlight);
    return {
      app: this.#app,
      settings,
      marks: {
        high: settings.writeHighWatermark,
        low: settings.writeLowWatermark,
      },
      state,
      inFlight,
      guard,
      accessLog,
      counters: this.#role.counters,
      now: accessLog?.now ?? Date.now,
      stalls: new DeadlineSet(settings.timeout * 1000),
      starts: new DeadlineSet(this.settings.responseStartTimeout * 1000),
      stalled,
      requestsLeft: !isAlone && settings.maxRequests > 0
        ? settings.maxRequests
        : Infinity,
      onMaxRequests: () => this.#role.onMaxRequests(),
      evictIdle: () => {
        if (isAlone && guard !== null) return guard.evictIdle();
        return this.#role.onAcceptFailed();
      },
      shared: this.#role.shared,
      takesOver: this.#role.takesOver,
      leavingSince: null,
      draining: null,
    };
  }

  /** True when the connections of the process are all this server's. */
  get #isAlone(): boolean {
    return this.#role.workerNumber === null;
  }

  #connectionLimit(): number {
    return this.#role.connectionLimit ?? connectionLimitOf(this.settings);
  }

  #openGuard(inFlight: InFlight, limit: number): Guard | null {
    const { settings } = this;
    const isAlone = this.#isAlone;
    return openGuard({
      limit,
      slots: this.#role.slots,
      threads: isAlone ? 1 : settings.workers,
      // 0 in workers: they cannot tell their connections from others'.
      timeoutMs: isAlone ? settings.timeout * 1000 : 0,
      runningPeers: () => occupied(inFlight),
      // Others are answered before they could do harm.
      requests: () => inFlight.watched(),
      onClose: (peer, reason, request) =>
        this.connectionClosed(peer, reason, request),
    });
  }
}

function* occupied(inFlight: InFlight): Iterable<string> {
  for (const exchange of inFlight) {
    if (exchange.occupiesConnection) yield exchange.peerKey;
  }
}

/** The role of a server in its process; the default is {@linkcode ALONE}. */
export interface ServerRole {
  /** 1, 2, … in a worker; null in a process of its own. */
  readonly workerNumber: number | null;
  /** True when other workers may listen at the same addresses. */
  readonly shared: boolean;
  /** True when this process replaces one that listens at the same Unix sockets. */
  readonly takesOver: boolean;
  /** Limit of connections of all workers together; null: by the settings. */
  readonly connectionLimit: number | null;
  /** Connection slots that all workers share; undefined without workers. */
  readonly slots: SharedArrayBuffer | undefined;
  /** Counters of its requests; null without `--metrics`. */
  readonly counters: RequestCounters | null;
  /** Certificate and key; null: to be read from the files in the settings. */
  readonly keyPair: KeyPair | null;
  /** Called with the first address once all are listened at. */
  onListen(address: Deno.NetAddr | Deno.UnixAddr): void;
  /** Called once `--max-requests` have come. */
  onMaxRequests(): void;
  /**
   * Called when accepting fails: the supervisor evicts idle connections.
   * Resolves, when this server may bind again, with how many were closed.
   */
  onAcceptFailed(): Promise<number>;
}

/** The server is all that runs in its process. */
const ALONE: ServerRole = {
  workerNumber: null,
  shared: false,
  takesOver: false,
  connectionLimit: null,
  slots: undefined,
  counters: null,
  keyPair: null,
  onListen() {},
  onMaxRequests() {},
  onAcceptFailed: () => Promise.resolve(0),
};
