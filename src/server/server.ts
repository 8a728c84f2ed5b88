/**
 * A server: one app, some addresses, from startup to shutdown.
 *
 * @module
 */

import type { Timer } from "../std/timer.ts";
import type { PagiApp, State } from "../pagi/types.ts";
import type { ListenAddress } from "../options/address.ts";
import { resolveSettings } from "../options/resolve_settings.ts";
import type { Settings } from "../options/settings.ts";
import { raiseDescriptorLimit } from "../guard/descriptors.ts";
import { type Guard, openGuard } from "../guard/guard.ts";
import { log } from "../log/log.ts";
import { AccessLog } from "./access_log.ts";
import type { WorkerContext } from "./context.ts";
import { DeadlineSet } from "./deadline_set.ts";
import { Lifespan } from "./lifespan.ts";
import { type KeyPair, Listener } from "./listener.ts";
import { Running } from "./running.ts";

/** Descriptors kept for files and the rest, as the user's document says. */
const SPARE_DESCRIPTORS = 50;
/** The limit where the system's is not readable [port]. */
const DEFAULT_CONNECTIONS = 1000;

/** Serves an app with settings (PAGI.md 6, "In code"). */
export class Server {
  readonly settings: Settings;
  readonly #startTimeout: number;
  readonly #app: PagiApp;
  readonly #lifespan: Lifespan;
  #worker: MutableContext | null = null;
  #listeners: Listener[] = [];
  #accessLog: AccessLog | null = null;
  #stopping: Promise<void> | null = null;
  #forced = Promise.withResolvers<void>();

  /**
   * @param given Settings by their names in camelCase; the others have their
   * defaults. `timeout` bounds the start of responses only where it is given.
   * @throws {OptionError} For unknown settings and wrong values.
   */
  constructor(app: PagiApp, given: Partial<Settings> = {}) {
    this.settings = resolveSettings(given);
    this.#startTimeout = given.timeout ?? 0;
    this.#app = app;
    this.#lifespan = new Lifespan(app, {
      mode: this.settings.lifespan,
      startupTimeout: this.settings.lifespanStartupTimeout,
      shutdownTimeout: this.settings.shutdownTimeout,
      workerNumber: null,
    });
  }

  /** The addresses as they were bound. */
  get addresses(): ListenAddress[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** The URLs that a browser can open; none for Unix sockets. */
  get urls(): string[] {
    return this.#listeners.flatMap((listener) => listener.url ?? []);
  }

  /** What a banner can tell. */
  facts(): {
    urls: readonly string[];
    addresses: readonly ListenAddress[];
    connectionLimit: number | null;
    settings: Settings;
  } {
    const { urls, addresses, settings } = this;
    const connectionLimit = this.#worker?.connectionLimit ?? null;
    return { urls, addresses, connectionLimit, settings };
  }

  /** True while connections are accepted. */
  get serving(): boolean {
    return this.#listeners.length > 0 && this.#stopping === null;
  }

  /** The open connections; null without a guard. */
  get connections(): number | null {
    return this.#worker?.guard?.count() ?? null;
  }

  /**
   * Starts the app, then listens. When it fails nothing stays bound.
   *
   * @throws {StartupError} When the app does not start.
   * @throws {ListenError} When an address cannot be listened at.
   */
  async start(): Promise<void> {
    const { settings } = this;
    const tls = await readKeyPair(settings);
    this.#accessLog = AccessLog.open(settings);
    try {
      await this.#lifespan.startup();
      if (this.#stopping !== null) return;
      this.#worker = this.#createWorker(this.#lifespan.state);
      for (const address of listenAddresses(settings)) {
        const listener = new Listener(this.#worker, address, tls);
        await listener.listen();
        this.#listeners.push(listener);
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Opens the log files anew. */
  reopenLogs(): void {
    this.#accessLog?.reopen();
  }

  /**
   * Stops as PAGI.md 6 says: takes no more connections, ends streams and
   * WebSockets, waits for running requests, and shuts the app down. Each
   * further call ends the wait that is on.
   */
  stop(): Promise<void> {
    if (this.#stopping !== null) this.#forced.resolve();
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    if (worker !== null) {
      worker.draining = true;
      for (const exchange of worker.running) exchange.drain();
      const drained = Promise.all([
        ...this.#listeners.map((listener) => listener.shutdown()),
        worker.running.idle(),
      ]);
      if (!await this.#inTime(drained)) giveUp(worker.running);
      worker.stalls.clear();
      worker.starts.clear();
    }
    this.#forced = Promise.withResolvers();
    await Promise.race([this.#lifespan.shutdown(), this.#forced.promise]);
    worker?.guard?.close();
    await this.#accessLog?.close();
  }

  /** Tells whether `work` ends before the deadline and before a second stop. */
  async #inTime(work: Promise<unknown>): Promise<boolean> {
    const { shutdownTimeout } = this.settings;
    let timer: Timer | undefined;
    const deadline = new Promise<false>((resolve) => {
      if (shutdownTimeout === 0) return;
      timer = setTimeout(() => resolve(false), shutdownTimeout * 1000);
    });
    const forced = this.#forced.promise.then(() => false);
    try {
      return await Promise.race([work.then(() => true), deadline, forced]);
    } finally {
      clearTimeout(timer);
    }
  }

  #createWorker(state: State | null): MutableContext {
    const { settings } = this;
    const running = new Running();
    const descriptors = raiseDescriptorLimit();
    const connectionLimit = settings.maxConnections ||
      (descriptors === null
        ? DEFAULT_CONNECTIONS
        : Math.max(1, descriptors - SPARE_DESCRIPTORS));
    const guard = openGuard({
      limit: connectionLimit,
      timeoutMs: settings.timeout * 1000,
      runningPeers: () => occupiedPeers(running),
      onClose(peer, reason) {
        log.debug(`Closed the connection of ${peer}: ${reason}.`);
        for (const exchange of running) {
          if (exchange.peerKey === peer) exchange.disconnect(reason);
        }
      },
    });
    if (guard === null) {
      log.warn(
        "Connections cannot be watched here (it takes Linux, /proc and the permission for FFI): --max-connections, and --timeout for idle connections, are not enforced.",
      );
    } else log.debug(`At most ${connectionLimit} connections.`);
    const accessLog = this.#accessLog;
    return {
      app: this.#app,
      settings,
      marks: {
        high: settings.writeHighWatermark,
        low: settings.writeLowWatermark,
      },
      state,
      running,
      guard,
      connectionLimit: guard === null ? null : connectionLimit,
      accessLog: accessLog === null
        ? null
        : (record) => accessLog.write(record),
      stalls: new DeadlineSet(settings.timeout * 1000),
      starts: new DeadlineSet(this.#startTimeout * 1000),
      draining: false,
    };
  }
}

interface MutableContext extends WorkerContext {
  draining: boolean;
  readonly connectionLimit: number | null;
  readonly guard: Guard | null;
}

function* occupiedPeers(running: Running): Iterable<string> {
  for (const exchange of running) {
    if (exchange.occupiesConnection) yield exchange.peerKey;
  }
}

/** The deadline has come: says what still runs, and ends it. */
function giveUp(running: Running): void {
  for (const exchange of running) {
    log.warn(
      `Still running at the end of the shutdown timeout: ${exchange.describe()} (${
        exchange.age.toFixed(1)
      } s).`,
    );
    exchange.disconnect("server_shutdown");
    exchange.dropConnection();
  }
}

function listenAddresses(settings: Settings): readonly ListenAddress[] {
  if (settings.listen.length > 0) return settings.listen;
  if (settings.socket !== null) return [{ path: settings.socket }];
  return [{ host: settings.host, port: settings.port }];
}

async function readKeyPair(settings: Settings): Promise<KeyPair | null> {
  const { sslCert, sslKey } = settings;
  if (sslCert === null || sslKey === null) return null;
  return {
    cert: await Deno.readTextFile(sslCert),
    key: await Deno.readTextFile(sslKey),
  };
}
