/**
 * One server that is all of its process.
 *
 * @module
 */

import { log } from "../log/log.ts";
import type { Server } from "../server/server.ts";
import type { Service, ServiceFacts, ServiceSignal } from "./run_service.ts";
import { surviveStrayErrors } from "./stray_errors.ts";

/** A server as a service. */
export class SingleProcess implements Service {
  readonly #server: Server;
  readonly #title: string;
  readonly failure: Promise<never> = new Promise(() => {});

  /** @param title What is served. */
  constructor(server: Server, title: string) {
    this.#server = server;
    this.#title = title;
  }

  facts(): ServiceFacts {
    return { ...this.#server.facts(), title: this.#title };
  }

  get serving(): boolean {
    return this.#server.serving;
  }

  async start(): Promise<void> {
    surviveStrayErrors();
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  signal(signal: ServiceSignal): void {
    if (signal === "SIGHUP") {
      this.#server.reopenLogs();
      log.warn(
        "SIGHUP: logs were reopened. A single process does not reload its app; restart it for that.",
      );
    } else {
      log.debug(`${signal}: a single process has no workers to add or end.`);
    }
  }
}
