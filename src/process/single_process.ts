/**
 * One server that is all of its process.
 *
 * @module
 */

import { hideLegacyAbortWarning } from "../log/legacy_abort_warning.ts";
import { log } from "../log/log.ts";
import type { ListenAddress } from "../options/address.ts";
import { listenAddresses } from "../server/listen_addresses.ts";
import type { Server } from "../server/server.ts";
import { checkFree } from "./check_free.ts";
import type {
  Service,
  ServiceFacts,
  ServiceSignal,
  StartSuccessor,
} from "./run_service.ts";
import { SharedAddresses } from "./shared_addresses.ts";
import { surviveStrayErrors } from "./stray_errors.ts";
import type { Predecessor } from "./takeover.ts";

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
  readonly stuck: Promise<void> = new Promise(() => {});
  readonly #load: () => Promise<LoadedServer>;
  readonly #predecessor: Predecessor | null;
  #loaded: LoadedServer | null = null;
  #stopped = false;
  #shared: SharedAddresses<Server> | null = null;
  #handedOver: Promise<void> | null = null;

  /** @param load Loads the app; a signal can stop the process meanwhile. */
  constructor(
    load: () => Promise<LoadedServer>,
    predecessor: Predecessor | null,
  ) {
    this.#load = load;
    this.#predecessor = predecessor;
  }

  facts(): ServiceFacts {
    const { server, title } = this.#loaded!;
    return { ...server.facts(), title };
  }

  get serving(): boolean {
    return this.#loaded?.server.serving ?? false;
  }

  async start(): Promise<void> {
    surviveStrayErrors();
    hideLegacyAbortWarning();
    const { server } = this.#loaded = await this.#load();
    if (this.#stopped) return;
    const addresses: readonly ListenAddress[] = this.#predecessor?.addresses ??
      listenAddresses(server.settings);
    if (server.sharesAddresses && this.#predecessor === null) {
      checkFree(addresses);
    }
    await server.start(addresses);
    if (!server.sharesAddresses || !server.serving) return;
    const others = this.#predecessor?.listeners ?? 0;
    this.#shared = new SharedAddresses(server.bound, others);
    this.#shared.join(server);
  }

  /** The first call after a handover does not hurry what is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const handedOver = this.#handedOver;
    this.#handedOver = null;
    await (handedOver ?? this.#loaded?.server.stop());
    this.#shared?.close();
  }

  async predecessorLeaves(left: Promise<void>): Promise<void> {
    await left;
    await this.#shared?.othersLeft();
  }

  async handOver(start: StartSuccessor): Promise<boolean> {
    const { server } = this.#loaded!;
    // It may have bound anew, after accepting failed.
    this.#shared?.lost(server);
    await this.#shared?.rejoined(server);
    const successor = await start();
    if (successor === null) return false;
    await this.#shared?.handOver(successor.listeners);
    this.#handedOver = server.stop("replaced");
    await this.#shared?.left(server);
    await successor.closed();
    return true;
  }

  reopenLogs(): void {
    this.#loaded?.server.reopenLogs();
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") {
      this.reopenLogs();
      log.warn(
        "SIGHUP: logs were reopened. A single process does not reload its app; send SIGUSR2 for that, or restart it.",
      );
    } else {
      log.debug(`${signal}: a single process has no workers to add or end.`);
    }
  }
}
