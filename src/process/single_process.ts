/**
 * One server that is all of its process.
 *
 * @module
 */

import { hideAbortWarning } from "../engine/error_text.ts";
import { log } from "../log/log.ts";
import type { ListenAddress } from "../options/value_types.ts";
import { listenAddresses } from "../server/listen_address.ts";
import type { KeyPair } from "../server/key_pair.ts";
import { StartupError } from "../server/lifespan.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { GracePeriod } from "../server/timers.ts";
import type { Server } from "../server/server.ts";
import { delay } from "../std/timer.ts";
import { endProcessAfter } from "../system/process.ts";
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

/** How much later than the event loop's own deadline the process ends (s). */
const BLOCKED_GRACE = 1;

/** A server with its app loaded. */
export interface LoadedServer {
  readonly server: Server;
  /** What is served. */
  readonly title: string;
}

function isSamePair(a: KeyPair, b: KeyPair): boolean {
  return a.cert === b.cert && a.key === b.key;
}

/** A server as a service. */
export class SingleProcess implements Service {
  readonly listeners = 1;
  readonly failure: Promise<never> = new Promise(() => {});
  readonly needsReplacement: Promise<void> = new Promise(() => {});
  readonly #load: () => Promise<LoadedServer>;
  readonly #predecessor: Predecessor | null;
  readonly #startTimeout: number;
  /** Ends the process when the phase of the start that is on takes too long. */
  #deadline: Disposable | null = null;
  #loaded: LoadedServer | null = null;
  #stopped = false;
  /** Holds the listeners in use, for those that share its addresses. */
  #holder = {};
  #shared: SharedAddresses<object> | null = null;
  /** Changes of the listeners, one after the other; never rejects. */
  #queue: Promise<unknown> = Promise.resolve();
  #handedOver: Promise<void> | null = null;

  /**
   * @param load Loads the app; a signal can stop the process meanwhile.
   * @param startTimeout Seconds that the app may take to be loaded, and again
   * to start; 0 for any number.
   */
  constructor(
    load: () => Promise<LoadedServer>,
    startTimeout: number,
    predecessor: Predecessor | null,
  ) {
    this.#load = load;
    this.#startTimeout = startTimeout;
    this.#predecessor = predecessor;
  }

  facts(): ServiceFacts {
    const { server, title } = this.#loaded!;
    return { ...server.facts(), title, workers: 1 };
  }

  get serving(): boolean {
    return this.#loaded?.server.serving ?? false;
  }

  /** @throws {StartupError} When the app is not loaded in time. */
  async start(): Promise<void> {
    handleUncaughtErrors();
    hideAbortWarning();
    globalThis.addEventListener("unload", this.#tellOfExit);
    try {
      await this.#start();
    } catch (error) {
      globalThis.removeEventListener("unload", this.#tellOfExit);
      throw error;
    }
  }

  async #start(): Promise<void> {
    try {
      const { server } = this.#loaded = await this.#loadInTime();
      if (this.#stopped) return;
      // Of an app that lets the event loop turn, the server says it.
      this.#bound("start");
      await this.#startServer(server);
    } finally {
      this.#unbound();
    }
  }

  async #loadInTime(): Promise<LoadedServer> {
    const late = this.#bound("load");
    const loading = this.#load();
    const outcome = await new GracePeriod().wait(loading, this.#startTimeout);
    if (outcome === "timeout") throw new StartupError(late);
    return await loading;
  }

  /**
   * Bounds a phase of the start, also where the app leaves the event loop no
   * turn; returns the sentence that the process ends with then.
   */
  #bound(phase: "load" | "start"): string {
    const seconds = this.#startTimeout;
    const late =
      `The app did not ${phase} within ${seconds} s (--lifespan-startup-timeout).`;
    this.#unbound();
    this.#deadline = seconds === 0
      ? null
      : endProcessAfter(seconds + BLOCKED_GRACE, late);
    return late;
  }

  #unbound(): void {
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

  /** The first call after a handover does not hurry what is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unbound();
    const handedOver = this.#handedOver;
    this.#handedOver = null;
    await (handedOver ?? this.#loaded?.server.stop());
    this.#shared?.close();
    globalThis.removeEventListener("unload", this.#tellOfExit);
  }

  /** An app that calls `Deno.exit` ends everything, without a word. */
  readonly #tellOfExit = (): void => {
    this.#loaded?.server.abandon();
    // What is made for Node often ends its process at SIGTERM by itself.
    if (this.#stopped && Deno.exitCode === 0) {
      log.warn(
        "The app ended the process before the server had stopped: it called Deno.exit(0), or Node's process.exit.",
      );
      return;
    }
    log.error(
      `The app ended the process: it called Deno.exit(${Deno.exitCode}), or Node's process.exit.`,
    );
    // Whoever waits for the server must not take its end for a success.
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
    // It may have bound anew, after accepting failed.
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
      this.reopenLogs();
      this.#queue = this.#queue.then(() => this.#renewKeyPair());
      log.warn(
        "SIGHUP: logs were reopened. A single process does not reload its app; send SIGUSR2 for that, or restart it.",
      );
    } else {
      log.debug(`${signal}: a single process has no workers to add or end.`);
    }
  }

  /** Uses the TLS files as they are now, if they have changed. */
  async #renewKeyPair(): Promise<void> {
    const server = this.#loaded?.server;
    const present = server?.keyPair;
    if (server === undefined || present == null || !server.serving) return;
    const fresh = await reloadKeyPair(server.settings, present);
    if (fresh === null || isSamePair(fresh, present) || !server.serving) return;
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
      log.info("New connections get the certificate that was read anew.");
    } catch (error) {
      log.error("The certificate that was read anew cannot be used.", error);
    }
  }
}
