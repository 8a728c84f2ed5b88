/**
 * Listings of long directories, which a thread makes: to look at 50,000 files
 * takes a second, in which other requests would have to wait.
 */

import { log } from "../../log/log.ts";
import { markImmutable } from "../../pagi/constant_bytes.ts";
import { type KeptThread, keptThreads } from "../../pagi/kept_threads.ts";
import type { Send, SendEvent } from "../../pagi/types.ts";
import { startThread } from "../../std/thread.ts";
import { type Timer, unref } from "../../std/timer.ts";
import { heldDescriptors } from "../../system/descriptor_budget.ts";
import type { RequestReader } from "../disconnect.ts";
import type { RequestScope } from "../reply.ts";
import { SCAN_DESCRIPTORS } from "./directory_cache.ts";
import type { ListingOptions } from "./listing_page.ts";
import type { PageParts } from "./page_frame.ts";

/** How long the idle thread is kept, with what it has cached (ms). */
const IDLE_MS = 600_000;

/** What the thread lists; its first message. */
export interface ThreadSettings extends ListingOptions {
  readonly appName: string;
  readonly directory: string;
  readonly changes: PageParts | null;
}

/** A request, without what a listing does not depend on. */
export interface ThreadRequest {
  readonly id: number;
  readonly scope: Pick<
    RequestScope,
    | "type"
    | "method"
    | "path"
    | "raw_path"
    | "query_string"
    | "root_path"
    | "headers"
  >;
  readonly parts: readonly string[];
}

/** Events of a request that are sent before the thread is told. */
export const SENT_AT_ONCE = 4;

/** What becomes of a request: {@linkcode SENT_AT_ONCE} events were sent, or its client left. */
export interface ThreadNotice {
  readonly id: number;
  readonly notice: "sent" | "left";
}

/** From the thread. */
export type ThreadAnswer =
  | { readonly id: number; readonly event: SendEvent }
  | { readonly id: number; readonly error: Error | null }
  | { readonly warning: string };

/** A request that the thread answers. */
interface Pending {
  readonly send: Send;
  readonly resolve: (answered: boolean) => void;
  readonly reject: (error: unknown) => void;
  /** Resolves when the events that have arrived are sent. */
  sent: Promise<void>;
  /** Their number. */
  count: number;
  /** What the scan may open; null when it is over and the answer has begun. */
  descriptors: Disposable | null;
}

/** The thread of one app, which is started by its first request. */
export class LongListings implements KeptThread {
  readonly #settings: ThreadSettings;
  readonly #onFailure: () => void;
  readonly #pending = new Map<number, Pending>();
  #thread: Worker | null = null;
  #idle: Timer | undefined;
  #idleMs = IDLE_MS;
  #nextId = 0;

  /** @param onFailure Called when there can be no thread. */
  constructor(settings: ThreadSettings, onFailure: () => void) {
    this.#settings = settings;
    this.#onFailure = onFailure;
  }

  /**
   * Lists the directory of `parts`.
   *
   * @returns False if nothing was sent because there can be no thread.
   */
  async send(
    { type, method, path, raw_path, query_string, root_path, headers }:
      RequestScope,
    client: RequestReader,
    send: Send,
    parts: readonly string[],
  ): Promise<boolean> {
    const descriptors = heldDescriptors(SCAN_DESCRIPTORS);
    const scope = {
      type,
      method,
      path,
      raw_path,
      query_string,
      root_path,
      headers,
    };
    clearTimeout(this.#idle);
    const thread = this.#thread ??= this.#start();
    const id = this.#nextId++;
    thread.postMessage({ id, scope, parts } satisfies ThreadRequest);
    void client.disconnect.then(() => {
      if (this.#pending.has(id)) this.#notify(id, "left");
    });
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const sent = Promise.resolve();
    const request = { send, resolve, reject, sent, count: 0, descriptors };
    this.#pending.set(id, request);
    try {
      return await promise;
    } finally {
      this.#pending.delete(id);
      request.descriptors?.[Symbol.dispose]();
      if (this.#pending.size === 0 && this.#thread !== null) {
        this.#idle = unref(setTimeout(() => this.#end(), this.#idleMs));
      }
    }
  }

  #notify(id: number, notice: ThreadNotice["notice"]): void {
    this.#thread?.postMessage({ id, notice } satisfies ThreadNotice);
  }

  #start(): Worker {
    const thread = startThread("apps/files/listing_thread", "listings", {
      message: (answer: ThreadAnswer) => this.#take(answer),
      error: (message) => {
        log.warn(
          `Long folders are listed without a thread of their own, so that other requests wait for them: ${message}`,
        );
        this.#onFailure();
        this.#end();
      },
    });
    keptThreads.add(this);
    this.#idleMs = IDLE_MS;
    thread.postMessage(this.#settings);
    return thread;
  }

  #take(answer: ThreadAnswer): void {
    if ("warning" in answer) return log.warn(answer.warning);
    const { id } = answer;
    const request = this.#pending.get(id);
    if (request === undefined) return;
    const { send, resolve, reject } = request;
    if ("event" in answer) {
      const { event } = answer;
      request.descriptors?.[Symbol.dispose]();
      request.descriptors = null;
      if ("body" in event && event.body instanceof Uint8Array) {
        markImmutable(event.body);
      }
      request.sent = request.sent.then(() => send(event)).then(() => {
        if (++request.count % SENT_AT_ONCE === 0) this.#notify(id, "sent");
      });
      request.sent.catch((error) => {
        this.#notify(id, "left");
        reject(error);
      });
    } else if (answer.error !== null) reject(answer.error);
    else request.sent.then(() => resolve(true), reject);
  }

  endWhenIdle(): void {
    this.#idleMs = 0;
    if (this.#pending.size === 0) this.#end();
  }

  #end(): void {
    keptThreads.delete(this);
    clearTimeout(this.#idle);
    this.#thread?.terminate();
    this.#thread = null;
    for (const { resolve, reject, descriptors } of this.#pending.values()) {
      if (descriptors !== null) resolve(false);
      else reject(new Error("The thread that lists long folders failed."));
    }
  }
}
