/** One server that is all of its process. */

import { hideAbortWarning } from "../engine/error_text.ts";
import { log } from "../log/log.ts";
import type { RequestCounters } from "../metrics/counters.ts";
import { CountedThreads } from "../metrics/threads.ts";
import { upstreamStates } from "../metrics/upstreams.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { listenAddresses } from "../server/listen_address.ts";
import { StartupError } from "../server/lifespan.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { GracePeriod } from "../server/timers.ts";
import type { Server } from "../server/server.ts";
import { delay } from "../std/timer.ts";
import { endProcessAfter } from "../system/process.ts";
import type { Observed } from "./metrics.ts";
import { checkFree, SharedAddresses } from "./shared_addresses.ts";
import { reloadKeyPair } from "./root_helper.ts";
import type {
  Service,
  ServiceFacts,
  ServiceSignal,
  StartSuccessor,
} from "./run_service.ts";
import { handleUncaughtErrors } from "./hosted_app.ts";
import type { Predecessor } from "./takeover.ts";

/** Seconds after the event loop's own deadline until the process is ended. */
const BLOCKED_GRACE = 1;

/** A server with its app loaded. */
export interface LoadedServer {
  readonly server: Server;
  /** What is served. */
  readonly title: string;
}

/** A server as a service. */
export class SingleProcess implements Service {
  readonly listeners = 1;
  readonly failure: Promise<never> = new Promise(() => {});
  readonly needsReplacement: Promise<void> = new Promise(() => {});
  readonly #load: () => Promise<LoadedServer>;
  readonly #predecessor: Predecessor | null;
  readonly #startTimeout: number;
  /** Ends the process when the current phase of the start takes too long. */
  #deadline: Disposable | null = null;
  #loaded: LoadedServer | null = null;
  #stopped = false;
  readonly #counted: CountedThreads | null;
  /** The identity of the current listeners among those at the same addresses. */
  #holder = {};
  #shared: SharedAddresses<object> | null = null;
  /** Changes of the listeners, one after the other; never rejects. */
  #queue: Promise<unknown> = Promise.resolve();
  #handedOver: Promise<void> | null = null;

  /**
   * @param load Loads the app; a signal can stop the process meanwhile.
   * @param startTimeout Seconds for loading the app, and again for starting it;
   * 0 for no limit.
   * @param counters What counts the requests; null without `--metrics`.
   */
  constructor(
    load: () => Promise<LoadedServer>,
    startTimeout: number,
    predecessor: Predecessor | null,
    counters: RequestCounters | null,
  ) {
    this.#counted = counters && countedThread(counters, () => this.serving);
    this.#load = load;
    this.#startTimeout = startTimeout;
    this.#predecessor = predecessor;
  }

  facts(): ServiceFacts {
    const { server, title } = this.#loaded!;
    return { ...server.facts(), title, workers: 1 };
  }

  observe(): Observed {
    const { server } = this.#loaded ?? {};
    const guard = server?.guard ?? null;
    return {
      serving: this.serving,
      counted: this.#counted,
      restarts: new Map(),
      connections: guard && { open: guard.count(), limit: guard.limit },
    };
  }

  get serving(): boolean {
    return this.#loaded?.server.serving ?? false;
  }

  /** @throws {StartupError} When the app is not loaded in time. */
  async start(): Promise<void> {
    handleUncaughtErrors();
    hideAbortWarning();
    globalThis.addEventListener("unload", this.#logExit);
    try {
      const { server } = this.#loaded = await this.#loadInTime();
      if (this.#stopped) return;
      // An app that does not block the event loop gets the server's own error.
      this.#startDeadline("start");
      await this.#startServer(server);
    } catch (error) {
      globalThis.removeEventListener("unload", this.#logExit);
      throw error;
    } finally {
      this.#endDeadline();
    }
  }

  async #loadInTime(): Promise<LoadedServer> {
    const late = this.#startDeadline("load");
    const loading = this.#load();
    const outcome = await new GracePeriod().wait(loading, this.#startTimeout);
    if (outcome === "timeout") throw new StartupError(late);
    return await loading;
  }

  /** Also ends an app that blocks the event loop. @returns The error's text. */
  #startDeadline(phase: "load" | "start"): string {
    const seconds = this.#startTimeout;
    const late =
      `The app did not ${phase} within ${seconds} s (--lifespan-startup-timeout). Look for an await or a loop that never ends, ${
        phase === "load" ? "at the top level of its modules" : "in startup()"
      }.`;
    if (seconds > 0) {
      const next = endProcessAfter(seconds + BLOCKED_GRACE, late);
      this.#endDeadline();
      this.#deadline = next;
    }
    return late;
  }

  #endDeadline(): void {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = null;
  }

  async #startServer(server: Server): Promise<void> {
    const addresses: readonly ListenAddress[] = this.#predecessor?.addresses ??
      listenAddresses(server.settings);
    if (server.sharesAddresses && this.#predecessor === null) {
      checkFree(addresses);
    }
    await server.start(addresses);
    if (!server.sharesAddresses || !server.serving) return;
    const others = this.#predecessor?.listeners ?? 0;
    this.#shared = new SharedAddresses(server.bound, others);
    this.#shared.join(this.#holder);
  }

  /** The first call after a handover waits for the remaining requests. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endDeadline();
    const handedOver = this.#handedOver;
    this.#handedOver = null;
    await (handedOver ?? this.#loaded?.server.stop());
    this.#shared?.close();
    globalThis.removeEventListener("unload", this.#logExit);
  }

  /** Runs when the app calls `Deno.exit`. */
  readonly #logExit = (): void => {
    this.#loaded?.server.abandon();
    // Programs for Node often end their process at SIGTERM themselves.
    if (this.#stopped && Deno.exitCode === 0) {
      log.warn(
        "The app ended the process before the server had stopped: it called Deno.exit(0), or Node's process.exit.",
      );
      return;
    }
    log.error(
      `The app ended the process: it called Deno.exit(${Deno.exitCode}), or Node's process.exit.`,
    );
    // A supervisor must not take an end before serving for a success.
    if (!this.serving && Deno.exitCode === 0) Deno.exitCode = 1;
  };

  async predecessorLeaves(left: Promise<void>): Promise<void> {
    await left;
    await this.#shared?.predecessorClosed();
  }

  handOver(start: StartSuccessor): Promise<boolean> {
    const done = this.#queue.then(() => this.#handOver(start));
    this.#queue = done.catch(() => {});
    return done;
  }

  async #handOver(start: StartSuccessor): Promise<boolean> {
    const { server } = this.#loaded!;
    // It may have bound again after accepting failed.
    this.#shared?.listenerLost(this.#holder);
    await this.#shared?.rejoined(this.#holder);
    const successor = await start();
    if (successor === null) return false;
    server.leave();
    await this.#shared?.handOver(successor.listeners);
    this.#handedOver = server.stop("replaced");
    await this.#shared?.waitClosed(this.#holder);
    await successor.closed();
    return true;
  }

  async flushLogs(): Promise<void> {
    await this.#loaded?.server.flushLogs();
  }

  reopenLogs(): void {
    this.#loaded?.server.reopenLogs();
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") {
      this.reload(signal);
    } else {
      log.debug(`${signal}: a single process has no workers to add or end.`);
    }
  }

  reload(reason: string): void {
    this.reopenLogs();
    this.#queue = this.#queue.then(() => this.#renewKeyPair());
    log.warn(
      `${reason}: logs were reopened. A single process does not reload its app; send SIGUSR2 for that, or restart it.`,
    );
  }

  /** Uses the TLS files as they are now, if they have changed. */
  async #renewKeyPair(): Promise<void> {
    const server = this.#loaded?.server;
    const present = server?.keyPair;
    if (server === undefined || present == null || !server.serving) return;
    const fresh = await reloadKeyPair(server.settings, present);
    const isNew = fresh !== null &&
      (fresh.cert !== present.cert || fresh.key !== present.key);
    if (!isNew || !server.serving) return;
    try {
      const close = await server.listenAnew(fresh);
      const [old, holder] = [this.#holder, {}];
      this.#holder = holder;
      this.#shared?.join(holder);
      this.#shared?.avoid(old);
      await delay(LEAVE_MS);
      this.#shared?.prepareClose(old);
      void close();
      await this.#shared?.waitClosed(old);
      log.info("New connections get the renewed certificate.");
    } catch (error) {
      log.error(
        "The renewed certificate cannot be used, so the old one stays in use.",
        error,
      );
    }
  }
}

/** A single process, as the one thread that counts. */
function countedThread(
  counters: RequestCounters,
  serving: () => boolean,
): CountedThreads {
  const counted = new CountedThreads();
  let served = false;
  counted.add({
    get state() {
      served ||= serving();
      return serving() ? "serving" : served ? "stopping" : "starting";
    },
    startedAt: 0,
    seenAt: null,
    get upstreams() {
      return upstreamStates();
    },
  }, counters);
  return counted;
}
