/**
 * What the supervisor and its workers tell each other.
 *
 * @module
 */

import type { DisconnectReason } from "../pagi/types.ts";
import type { AppRequest } from "../loader/load_app.ts";
import type { ListenAddress } from "../options/address.ts";
import type { Settings } from "../options/settings.ts";
import type { KeyPair } from "../server/key_pair.ts";
import type { SharedSocket } from "../server/listener.ts";

/** All that a worker needs to start. */
export interface WorkerPlan {
  readonly request: AppRequest;
  /** Settings that were given; the others have their defaults. */
  readonly given: Partial<Settings>;
  /** 1, 2, … */
  readonly number: number;
  /** Connections of all workers together. */
  readonly connectionLimit: number;
  /** The slots of connections; undefined where nobody watches these. */
  readonly slots: SharedArrayBuffer | undefined;
  /** The numbers of the budget of descriptors. */
  readonly descriptorBudget: SharedArrayBuffer;
  readonly keyPair: KeyPair | null;
  /** When each client has last asked. */
  readonly requestTimes: SharedArrayBuffer;
}

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly type: "start"; readonly plan: WorkerPlan }
  /** The app has started: accept connections. */
  | {
    readonly type: "listen";
    readonly addresses: readonly ListenAddress[];
    /** Unix sockets among them, by their paths: they are bound already. */
    readonly sockets: ReadonlyMap<string, SharedSocket>;
  }
  /** Others take the new connections now: have clients leave. */
  | { readonly type: "leave" }
  /** Stop gracefully: for good, or because a successor has taken over. */
  | { readonly type: "stop"; readonly replaced: boolean }
  | { readonly type: "reopenLogs" }
  /** Write what waits to be logged, and say `flushed`. */
  | { readonly type: "flushLogs" }
  /** So many connections were closed: accept again where that failed. */
  | { readonly type: "acceptAgain"; readonly closed: number }
  /** Which peers have a request running? */
  | { readonly type: "peers"; readonly id: number }
  /** The guard has closed a connection. */
  | {
    readonly type: "closed";
    readonly peer: string;
    readonly reason: DisconnectReason;
  };

/** From a worker to the supervisor. */
export type FromWorker =
  /** The thread has started, and loads the app. */
  | { readonly type: "loading" }
  /** The app's code is loaded; its startup begins. */
  | { readonly type: "loaded" }
  /** The app has started; `title` says what it is. */
  | { readonly type: "started"; readonly title: string }
  | {
    readonly type: "listening";
    readonly addresses: readonly ListenAddress[];
    readonly bound: readonly (Deno.NetAddr | Deno.UnixAddr)[];
    readonly urls: readonly string[];
  }
  /** It could not start; `usage` means that the command line is wrong. */
  | {
    readonly type: "failed";
    readonly message: string;
    readonly usage: boolean;
  }
  | { readonly type: "beat" }
  | {
    readonly type: "peers";
    readonly id: number;
    readonly peers: readonly string[];
  }
  /** It has served `--max-requests`. */
  | { readonly type: "worn" }
  /** The app threw outside of any request or promise; it is told once. */
  | { readonly type: "broken" }
  /** Accepting failed for want of descriptors; it waits for `acceptAgain`. */
  | { readonly type: "acceptFailed" }
  /** The app ends its worker, by this call. */
  | { readonly type: "exit"; readonly call: string }
  | { readonly type: "flushed" }
  | { readonly type: "stopped" };
