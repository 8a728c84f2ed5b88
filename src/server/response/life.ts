/**
 * How one request's connection fares: the handle `pagi.connection`.
 *
 * @module
 */

import { log } from "../../log/log.ts";
import type { DisconnectReason, PagiConnection } from "../../pagi/types.ts";

/** Who can find out that a client leaves. */
export interface ClientWatcher {
  /** Begins to find out. */
  watchClient(): void;
}

/**
 * The state of one request (PAGI.md 4). The server moves it; the app reads
 * it. Exactly one kind of callback fires, in order of registration.
 */
export class ConnectionState implements PagiConnection {
  #started = false;
  #responseComplete = false;
  #succeeded = false;
  #reason: DisconnectReason | null = null;
  #onDisconnect: ((reason: DisconnectReason) => void)[] | null = null;
  #onComplete: (() => void)[] | null = null;
  #disconnected: PromiseWithResolvers<DisconnectReason> | null = null;
  /** Told when the app first asks, so that the server starts to watch. */
  #watcher: ClientWatcher | null;

  constructor(watcher: ClientWatcher | null = null) {
    this.#watcher = watcher;
  }

  isConnected(): boolean {
    this.#startWatching();
    return this.#reason === null && !this.#succeeded;
  }

  disconnectReason(): DisconnectReason | null {
    this.#startWatching();
    return this.#reason;
  }

  onDisconnect(callback: (reason: DisconnectReason) => void): void {
    this.#startWatching();
    if (this.#reason !== null) run(() => callback(this.#reason!));
    else if (!this.#succeeded) (this.#onDisconnect ??= []).push(callback);
  }

  onComplete(callback: () => void): void {
    this.#startWatching();
    if (this.#succeeded) run(callback);
    else if (this.#reason === null) (this.#onComplete ??= []).push(callback);
  }

  responseStarted(): boolean {
    return this.#started;
  }

  responseComplete(): boolean {
    return this.#responseComplete;
  }

  get disconnected(): Promise<DisconnectReason> {
    this.#startWatching();
    if (this.#disconnected === null) {
      this.#disconnected = Promise.withResolvers();
      if (this.#reason !== null) this.#disconnected.resolve(this.#reason);
    }
    return this.#disconnected.promise;
  }

  /** A response has started, whoever produced it. */
  start(): void {
    this.#started = true;
  }

  /** The last part of the response was taken. */
  completeResponse(): void {
    this.#responseComplete = true;
  }

  /** The request ended well. Does nothing after another end. */
  succeed(): void {
    if (this.ended) return;
    this.#succeeded = true;
    const callbacks = this.#onComplete;
    this.#forget();
    if (callbacks !== null) { for (const callback of callbacks) run(callback); }
  }

  /** The request ended abnormally. Returns whether it had not ended before. */
  fail(reason: DisconnectReason): boolean {
    if (this.ended) return false;
    this.#reason = reason;
    const callbacks = this.#onDisconnect;
    this.#forget();
    this.#disconnected?.resolve(reason);
    if (callbacks !== null) {
      for (const callback of callbacks) run(() => callback(reason));
    }
    return true;
  }

  /** True after either end. */
  get ended(): boolean {
    return this.#succeeded || this.#reason !== null;
  }

  /** The reason of an abnormal end, without starting to watch for one. */
  get reason(): DisconnectReason | null {
    return this.#reason;
  }

  #startWatching(): void {
    const watcher = this.#watcher;
    if (watcher === null) return;
    this.#watcher = null;
    if (!this.ended) watcher.watchClient();
  }

  #forget(): void {
    this.#watcher = null;
    this.#onDisconnect = null;
    this.#onComplete = null;
  }
}

function run(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    log.error("A pagi.connection callback of the app failed.", error);
  }
}
