/**
 * One server that is all of its process.
 *
 * @module
 */

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

/** A server as a service. */
export class SingleProcess implements Service {
  readonly listeners = 1;
  readonly failure: Promise<never> = new Promise(() => {});
  readonly stuck: Promise<void> = new Promise(() => {});
  readonly #server: Server;
  readonly #title: string;
  readonly #predecessor: Predecessor | null;
  #shared: SharedAddresses<Server> | null = null;
  #handedOver: Promise<void> | null = null;

  /** @param title What is served. */
  constructor(
    server: Server,
    title: string,
    predecessor: Predecessor | null,
  ) {
    this.#server = server;
    this.#title = title;
    this.#predecessor = predecessor;
  }

  facts(): ServiceFacts {
    return { ...this.#server.facts(), title: this.#title };
  }

  get serving(): boolean {
    return this.#server.serving;
  }

  async start(): Promise<void> {
    surviveStrayErrors();
    const server = this.#server;
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
    const handedOver = this.#handedOver;
    this.#handedOver = null;
    await (handedOver ?? this.#server.stop());
    this.#shared?.close();
  }

  async predecessorLeaves(left: Promise<void>): Promise<void> {
    await left;
    this.#shared?.othersLeft();
  }

  async handOver(start: StartSuccessor): Promise<boolean> {
    const successor = await start();
    if (successor === null) return false;
    await this.#shared?.handOver(successor.listeners);
    this.#handedOver = this.#server.stop("replaced");
    await this.#shared?.left(this.#server);
    await successor.closed();
    return true;
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") {
      this.#server.reopenLogs();
      log.warn(
        "SIGHUP: logs were reopened. A single process does not reload its app; send SIGUSR2 for that, or restart it.",
      );
    } else {
      log.debug(`${signal}: a single process has no workers to add or end.`);
    }
  }
}
