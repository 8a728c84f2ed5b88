/**
 * What a server is in its process.
 *
 * @module
 */

import type { KeyPair } from "./key_pair.ts";

/** What a server is in its process; by itself, unless said otherwise. */
export interface ServerRole {
  /** 1, 2, … in a worker; null in a process of its own. */
  readonly workerNumber: number | null;
  /** Others may listen at the same addresses. */
  readonly shared: boolean;
  /** The process that listens at the same Unix sockets is about to go. */
  readonly takesOver: boolean;
  /** Connections of all workers together; null for what settings say. */
  readonly connectionLimit: number | null;
  /** The slots of connections that all workers share; undefined without. */
  readonly slots: SharedArrayBuffer | undefined;
  /** Read already; null for what settings name. */
  readonly keyPair: KeyPair | null;
  /** Called with the first address once all are listened at. */
  onListen(address: Deno.NetAddr | Deno.UnixAddr): void;
  /** Called once `--max-requests` have come. */
  onWorn(): void;
  /**
   * Called when accepting fails: the supervisor makes room. Resolves with how
   * many connections were closed when it is this server's turn to bind again.
   */
  onAcceptFailed(): Promise<number>;
}

/** The server is all that runs in its process. */
export const ALONE: ServerRole = {
  workerNumber: null,
  shared: false,
  takesOver: false,
  connectionLimit: null,
  slots: undefined,
  keyPair: null,
  onListen() {},
  onWorn() {},
  onAcceptFailed: () => Promise.resolve(0),
};
