/** The lifespan scope: the app's startup and shutdown (PAGI.md 5). */

import type {
  LifespanScope,
  PagiApp,
  ReceiveEvent,
  SendEvent,
  State,
} from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";
import { checkLifespanEvent } from "../pagi/lifespan_events.ts";
import {
  type ChannelsOwner,
  ScopeChannels,
} from "../channels/scope_channels.ts";
import { log } from "../log/log.ts";
import { PAGI } from "./context.ts";
import { GracePeriod } from "./timers.ts";

/** Settings of the lifespan scope. */
interface LifespanOptions {
  readonly mode: "auto" | "on" | "off";
  /** Seconds; 0 means no limit. */
  readonly startupTimeout: number;
  /** Seconds; 0 means no limit. */
  readonly shutdownTimeout: number;
  /** null without worker processes. */
  readonly workerNumber: number | null;
}

/** The app reported that it cannot start, or did not answer in time. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}

type Phase = "startup" | "serving" | "shutdown" | "down" | "over";

/** One lifespan scope: startup before the first request, shutdown at the end. */
export class Lifespan implements ChannelsOwner {
  /** State that each request gets a copy of; null without a lifespan. */
  state: State | null = null;
  #phase: Phase = "startup";
  readonly #events: ReceiveEvent[] = [{ type: "lifespan.startup" }];
  readonly #channels = new ScopeChannels(this);
  #waiting: ((event: ReceiveEvent) => void)[] = [];
  readonly #started = Promise.withResolvers<boolean>();
  readonly #stopped = Promise.withResolvers<boolean>();

  constructor(readonly app: PagiApp, readonly options: LifespanOptions) {}

  /**
   * Starts the app and waits for its answer.
   *
   * @throws {StartupError} When the app fails to start, does not answer within
   * the startup timeout, or has no lifespan although the mode is "on".
   */
  async startup(): Promise<void> {
    const { mode, startupTimeout, workerNumber } = this.options;
    if (mode === "off") return;
    const state: State = {};
    const scope: LifespanScope = {
      type: "lifespan",
      pagi: {
        ...PAGI,
        is_worker: workerNumber === null ? 0 : 1,
        worker_num: workerNumber,
      },
      state,
      "pagi.channels": this.#channels,
      "pagi.channel": this.#channels.ownChannel,
    };
    this.#run(scope);
    const started = this.#started.promise;
    if (await new GracePeriod().wait(started, startupTimeout) !== "done") {
      this.#phase = "over";
      throw new StartupError(
        `The app did not answer lifespan.startup within ${startupTimeout} s (--lifespan-startup-timeout).`,
      );
    }
    if (await started) this.state = state;
    else this.#phase = "over";
  }

  /**
   * Shuts the app down and waits for its answer. Logs failures, and returns false
   * after one.
   */
  async shutdown(grace: GracePeriod): Promise<boolean> {
    if (this.#phase !== "serving") return true;
    this.#phase = "shutdown";
    this.#give({ type: "lifespan.shutdown" });
    const { shutdownTimeout } = this.options;
    const stopped = this.#stopped.promise;
    if (await grace.wait(stopped, shutdownTimeout) === "timeout") {
      log.warn(
        `The app did not answer lifespan.shutdown within ${shutdownTimeout} s (--shutdown-timeout).`,
      );
      return false;
    }
    return await Promise.race([stopped, true]);
  }

  async #run(scope: LifespanScope): Promise<void> {
    let thrown: unknown = null;
    try {
      await this.app(
        scope,
        () => this.#receive(),
        (event) => this.#send(event),
      );
    } catch (error) {
      thrown = error ?? new Error("The app threw nothing.");
    }
    if (this.#phase === "startup") this.#endWithoutStartup(thrown);
    else if (thrown !== null && this.#phase !== "over") {
      log.error("The app threw in its lifespan scope.", thrown);
    }
    this.#phase = "over";
    this.#channels.end();
    this.#stopped.resolve(thrown === null);
  }

  #endWithoutStartup(thrown: unknown): void {
    const how = thrown === null ? "returned from" : "threw on";
    if (this.options.mode === "on") {
      this.#started.reject(
        new StartupError(
          `The app ${how} the lifespan scope without lifespan.startup.complete, and --lifespan is on.`,
          { cause: thrown ?? undefined },
        ),
      );
      return;
    }
    if (!(thrown instanceof UnsupportedScope)) {
      log.debug(
        `The app has no lifespan: it ${how} that scope.`,
        ...(thrown === null ? [] : [thrown]),
      );
    }
    this.#started.resolve(false);
  }

  #receive(): Promise<ReceiveEvent> {
    const event = this.#events.shift() ?? this.#channels.shift();
    if (event) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  channelEventCame(): void {
    const event = this.#waiting.length > 0 ? this.#channels.shift() : null;
    if (event !== null) this.#give(event);
  }

  #give(event: ReceiveEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(event);
    else this.#events.push(event);
  }

  // deno-lint-ignore require-await -- what it throws must reject
  async #send(event: SendEvent): Promise<void> {
    checkLifespanEvent(event);
    switch (event.type) {
      case "lifespan.startup.complete":
        if (this.#phase !== "startup") return;
        this.#phase = "serving";
        this.#started.resolve(true);
        return;
      case "lifespan.startup.failed":
        if (this.#phase !== "startup") return;
        this.#phase = "over";
        this.#started.reject(
          new StartupError(
            `The app failed to start: ${
              event.message || "lifespan.startup.failed"
            }`,
          ),
        );
        return;
      case "lifespan.shutdown.failed":
        if (this.#phase !== "shutdown") return;
        log.error(
          `The app failed to shut down: ${
            event.message || "lifespan.shutdown.failed"
          }`,
        );
        return this.#endShutdown(false);
      case "lifespan.shutdown.complete":
        if (this.#phase === "shutdown") this.#endShutdown(true);
    }
  }

  #endShutdown(well: boolean): void {
    this.#phase = "down";
    this.#stopped.resolve(well);
  }
}
