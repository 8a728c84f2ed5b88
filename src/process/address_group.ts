/**
 * The listeners of all workers at one address.
 *
 * @module
 */

import type { SocketAddress } from "../guard/address.ts";
import { type ListenerId, Steering } from "../guard/steering.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** How often a listener is looked at that is about to close (ms). */
const LOOK_MS = 10;
/** How long a listener may take to close before nobody waits for it (ms). */
const CLOSE_WAIT_MS = 2000;

/**
 * Knows which worker holds which listener of an address, and keeps new
 * connections away from those that are about to close.
 */
export class AddressGroup {
  readonly #steering: Steering;
  readonly #listeners = new Map<WorkerHandle, ListenerId>();
  readonly #avoided = new Set<ListenerId>();

  private constructor(steering: Steering) {
    this.#steering = steering;
  }

  /** null where listeners cannot be steered. */
  static open(address: SocketAddress, others: number): AddressGroup | null {
    const steering = Steering.open(address, others);
    return steering === null ? null : new AddressGroup(steering);
  }

  /** Takes note of the listener that `worker` has just bound. */
  join(worker: WorkerHandle): void {
    const old = this.#listeners.get(worker);
    if (old !== undefined && !this.#steering.isOpen(old)) {
      this.#steering.leave(old);
    }
    const listener = this.#steering.join();
    if (listener === null) return;
    this.#listeners.set(worker, listener);
    this.#steer();
  }

  /** Gives `worker` no new connections any more. */
  avoid(worker: WorkerHandle): void {
    const listener = this.#listeners.get(worker);
    if (listener === undefined) return;
    this.#avoided.add(listener);
    this.#steer();
  }

  /** Resolves with whether the worker's listener has been closed. */
  async left(worker: WorkerHandle): Promise<boolean> {
    const listener = this.#listeners.get(worker);
    if (listener === undefined) return true;
    const giveUp = performance.now() + CLOSE_WAIT_MS;
    while (this.#steering.isOpen(listener)) {
      if (performance.now() > giveUp) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    this.#steering.leave(listener);
    this.#listeners.delete(worker);
    this.#avoided.delete(listener);
    this.#steer();
    return true;
  }

  /** The process that was taken over from has closed its listeners. */
  othersLeft(): void {
    this.#steering.othersLeft();
    this.#steer();
  }

  /** The workers in the order in which a successor expects them to close. */
  lastFirst(): WorkerHandle[] {
    const holders = new Map(
      [...this.#listeners].map(([worker, listener]) => [listener, worker]),
    );
    return this.#steering.lastFirst().flatMap((listener) =>
      holders.get(listener) ?? []
    );
  }

  /** Gives all new connections to another process's listeners. */
  handOver(count: number): void {
    this.#steering.joinOthers(count);
    this.#steering.steer((listener) => listener === null);
  }

  close(): void {
    this.#steering.close();
  }

  #steer(): void {
    this.#steering.steer((listener) =>
      listener === null || !this.#avoided.has(listener)
    );
  }
}
