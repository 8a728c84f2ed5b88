/**
 * The life of one response, in one place: how far it has come, how its request
 * has ended, and who has yet to finish with it.
 */

import type { DisconnectReason, PagiConnection } from "../../pagi/types.ts";
import { log } from "../../log/log.ts";

/** How far a response has come, in this order. */
type Progress =
  /** Nothing was sent. */
  | "open"
  /** It has a head, which waits for the first chunk of the body. */
  | "started"
  /** The engine has the head, and reads the body as the app sends it. */
  | "streaming"
  /** The body is complete; the announced trailers are to follow. */
  | "trailers"
  /** All of it was sent. */
  | "complete"
  /** It was cut short after its head. */
  | "aborted";

/** The exchange, which is notified of changes. */
export interface LifeOwner {
  /** The app asks for the first time whether its client is still there. */
  watchClient(): void;
  /** Only the disconnect is left to receive. Called once. */
  responseOver(): void;
  /** The engine has finished. Called once. */
  released(): void;
  /** The app and the engine have both finished. Called once. */
  finished(): void;
}

/**
 * The life of one response (PAGI.md 4). The server moves it; the app sees it as
 * `pagi.connection`. Three things go on independently: the response makes
 * progress, its request ends (well, or with a reason), and the app and the
 * engine finish with it, each in its own time.
 */
export class ResponseLife implements PagiConnection {
  #progress: Progress = "open";
  /** How the request has ended: well, or for a reason; null while it has not. */
  #end: "succeeded" | DisconnectReason | null = null;
  #engine: "waiting" | "responding" | "done" = "waiting";
  #appEnded = false;
  /** The app has not asked yet whether the client is still there. */
  #unasked = true;
  #onDisconnect: ((reason: DisconnectReason) => void)[] | null = null;
  #onComplete: (() => void)[] | null = null;
  #disconnected: PromiseWithResolvers<DisconnectReason> | null = null;
  readonly #owner: LifeOwner;

  constructor(owner: LifeOwner) {
    this.#owner = owner;
  }

  /** For logs: `streaming`, `complete`, `failed while open (client_closed)`. */
  toString(): string {
    const { reason } = this;
    return reason === null
      ? this.#progress
      : `failed while ${this.#progress} (${reason})`;
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** True from the head on, whoever made it. */
  get started(): boolean {
    return this.#progress !== "open";
  }

  /** True after the last part of the response. */
  get complete(): boolean {
    return this.#progress === "complete";
  }

  /** The request has ended, well or not. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** True when the only thing left to receive is the disconnect. */
  get over(): boolean {
    return this.#end !== null || this.#progress === "complete";
  }

  /** Why the request ended abnormally; null when it did not. */
  get reason(): DisconnectReason | null {
    return this.#end === "succeeded" ? null : this.#end;
  }

  /** The engine has a response: the app's, or one in its place. */
  get responded(): boolean {
    return this.#engine !== "waiting";
  }

  /** The engine needs the connection for nothing more. */
  get released(): boolean {
    return this.#engine === "done";
  }

  /**
   * Sets the progress. It may return to "started", with another head, until the
   * engine has the first one.
   */
  advance(progress: Progress): void {
    const wasOver = this.over;
    this.#progress = progress;
    if (!wasOver && progress === "complete") this.#owner.responseOver();
  }

  /** The request ended well. Does nothing after another end. */
  succeed(): void {
    if (this.#end !== null) return;
    this.#end = "succeeded";
    const callbacks = this.#onComplete;
    this.#onDisconnect = this.#onComplete = null;
    if (callbacks !== null) { for (const callback of callbacks) run(callback); }
  }

  /** The request ended abnormally. False when it had ended before. */
  fail(reason: DisconnectReason): boolean {
    if (this.#end !== null) return false;
    const wasOver = this.over;
    this.#end = reason;
    const callbacks = this.#onDisconnect;
    this.#onDisconnect = this.#onComplete = null;
    this.#disconnected?.resolve(reason);
    if (callbacks !== null) {
      for (const callback of callbacks) run(() => callback(reason));
    }
    if (!wasOver) this.#owner.responseOver();
    return true;
  }

  /** The engine has received a response. */
  respond(): void {
    this.#engine = "responding";
  }

  /** The engine has the complete response, or will get no more of it. */
  release(): void {
    if (this.#engine === "done") return;
    this.#engine = "done";
    this.#owner.released();
    if (this.#appEnded) this.#owner.finished();
  }

  /** The app has returned or thrown. To be called once. */
  endApp(): void {
    this.#appEnded = true;
    if (this.#engine === "done") this.#owner.finished();
  }

  isConnected(): boolean {
    this.#watch();
    return this.#end === null;
  }

  disconnectReason(): DisconnectReason | null {
    this.#watch();
    return this.reason;
  }

  onDisconnect(callback: (reason: DisconnectReason) => void): void {
    this.#watch();
    const { reason } = this;
    if (reason !== null) run(() => callback(reason));
    else if (this.#end === null) (this.#onDisconnect ??= []).push(callback);
  }

  onComplete(callback: () => void): void {
    this.#watch();
    if (this.#end === "succeeded") run(callback);
    else if (this.#end === null) (this.#onComplete ??= []).push(callback);
  }

  responseStarted(): boolean {
    return this.started;
  }

  responseComplete(): boolean {
    return this.complete;
  }

  get disconnected(): Promise<DisconnectReason> {
    this.#watch();
    if (this.#disconnected === null) {
      this.#disconnected = Promise.withResolvers();
      const { reason } = this;
      if (reason !== null) this.#disconnected.resolve(reason);
    }
    return this.#disconnected.promise;
  }

  /** Watching costs time, so it begins when the app first asks. */
  #watch(): void {
    if (!this.#unasked) return;
    this.#unasked = false;
    if (this.#end === null) this.#owner.watchClient();
  }
}

function run(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    log.error("A pagi.connection callback of the app failed.", error);
  }
}
