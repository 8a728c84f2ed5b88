/**
 * The listeners of all workers at one address.
 *
 * @module
 */

import type { SocketAddress } from "../guard/address.ts";
import { type ListenerId, Steering } from "../guard/steering.ts";

/** How often a listener is looked at that is about to open or close (ms). */
const LOOK_MS = 10;
/** How long it may take before nobody waits for it (ms). */
const WAIT_MS = 2000;

/**
 * Knows who holds which listener of an address, a worker or the only server of
 * a process, and keeps new connections away from those about to close.
 */
export class AddressGroup<Holder extends object> {
  readonly #steering: Steering;
  readonly #listeners = new Map<Holder, ListenerId>();
  readonly #avoided = new Set<ListenerId>();
  /** True while it is for the process that is taken over from to steer. */
  #steered: boolean;
  #handedOver = false;
  #closed = false;

  private constructor(steering: Steering, others: number) {
    this.#steering = steering;
    this.#steered = others > 0;
  }

  /**
   * @param others How many listeners of a process that is taken over from there
   * are: it steers until they have closed, for it knows which of them to avoid.
   * @returns null where listeners cannot be steered
   */
  static open<Holder extends object>(
    address: SocketAddress,
    others: number,
  ): AddressGroup<Holder> | null {
    const steering = Steering.open(address, others);
    return steering === null ? null : new AddressGroup<Holder>(
      steering,
      others,
    );
  }

  /** Takes note of the listener that `worker` has just bound. */
  join(worker: Holder): void {
    const listener = this.#steering.join();
    if (listener === null) return;
    this.#listeners.set(worker, listener);
    this.#steer();
  }

  /** Takes note that the listener of `worker` was closed, if it was. */
  lost(worker: Holder): void {
    const listener = this.#listeners.get(worker);
    if (listener === undefined || this.#steering.isOpen(listener)) return;
    this.#forget(worker, listener);
  }

  /** Resolves when `worker`, whose listener was lost, has another. */
  async rejoined(worker: Holder): Promise<void> {
    await this.#until(() => {
      if (!this.#listeners.has(worker)) this.join(worker);
      return this.#listeners.has(worker);
    });
  }

  /** Gives `worker` no new connections any more. */
  avoid(worker: Holder): void {
    const listener = this.#listeners.get(worker);
    if (listener === undefined) return;
    this.#avoided.add(listener);
    this.#steer();
  }

  /** Prepares for the listener of `worker`, an avoided one, to be closed. */
  closes(worker: Holder): void {
    this.#steer(this.#listeners.get(worker));
  }

  /** Gives `worker` new connections again. */
  readmit(worker: Holder): void {
    const listener = this.#listeners.get(worker);
    if (listener !== undefined && this.#avoided.delete(listener)) this.#steer();
  }

  /** Resolves with whether the worker's listener has been closed. */
  async left(worker: Holder): Promise<boolean> {
    const listener = this.#listeners.get(worker);
    if (listener === undefined) return true;
    const closed = await this.#until(() => !this.#steering.isOpen(listener));
    if (closed) this.#forget(worker, listener);
    return closed;
  }

  /** The process that was taken over from has closed its listeners. */
  othersLeft(): void {
    this.#steering.othersLeft();
    this.#steered = false;
    this.#steer();
  }

  /** How many listeners there are, those included that cannot be closed. */
  get size(): number {
    return this.#listeners.size;
  }

  /** The workers in the order in which a successor expects them to close. */
  lastFirst(): Holder[] {
    const holders = new Map(
      [...this.#listeners].map(([worker, listener]) => [listener, worker]),
    );
    return this.#steering.lastFirst().flatMap((listener) =>
      holders.get(listener) ?? []
    );
  }

  /** Gives all new connections to the `count` listeners of a successor. */
  handOver(count: number): void {
    this.#steering.joinOthers(count);
    this.#handedOver = true;
    this.#steer();
  }

  /** Gives everything back; nobody waits for listeners any more. */
  close(): void {
    this.#closed = true;
    this.#steering.close();
  }

  #forget(worker: Holder, listener: ListenerId): void {
    this.#steering.leave(listener);
    this.#listeners.delete(worker);
    this.#avoided.delete(listener);
    this.#steer();
  }

  /** Resolves with whether `condition` holds in time. */
  async #until(condition: () => boolean): Promise<boolean> {
    const giveUp = performance.now() + WAIT_MS;
    while (!this.#closed) {
      if (condition()) return true;
      if (performance.now() > giveUp) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return true;
  }

  #steer(closing: ListenerId | null = null): void {
    if (this.#closed || this.#steered) return;
    this.#steering.steer(
      (listener) =>
        listener === null || !this.#handedOver && !this.#avoided.has(listener),
      closing,
    );
  }
}
