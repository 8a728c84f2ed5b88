/**
 * All addresses of a server, each with the listeners that share it.
 *
 * @module
 */

import type { SocketAddress } from "../guard/address.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { AddressGroup } from "./address_group.ts";

/** The same for every address: see {@linkcode AddressGroup}. */
export class SharedAddresses<Holder extends object> {
  readonly #groups: readonly AddressGroup<Holder>[];

  /** @param others How many listeners of another process each address has. */
  constructor(addresses: Iterable<SocketAddress>, others: number) {
    this.#groups = [...addresses].flatMap((address) =>
      "port" in address ? AddressGroup.open<Holder>(address, others) ?? [] : []
    );
  }

  /** Takes note that `holder` has just bound all addresses. */
  join(holder: Holder): void {
    for (const group of this.#groups) group.join(holder);
  }

  /** Takes note that a listener of `holder` was closed by accident. */
  lost(holder: Holder): void {
    for (const group of this.#groups) group.lost(holder);
  }

  /** Resolves when `holder` has bound anew what it had lost. */
  async rejoined(holder: Holder): Promise<void> {
    await Promise.all(this.#groups.map((group) => group.rejoined(holder)));
  }

  /** Gives `holder` no new connections; resolves when none is on its way. */
  async avoid(holder: Holder): Promise<void> {
    for (const group of this.#groups) group.avoid(holder);
    await settled();
  }

  /** Prepares for the listeners of `holder`, which is avoided, to close. */
  closes(holder: Holder): void {
    for (const group of this.#groups) group.closes(holder);
  }

  /** Gives `holder` new connections again. */
  readmit(holder: Holder): void {
    for (const group of this.#groups) group.readmit(holder);
  }

  /** Resolves with whether all listeners of `holder` have been closed. */
  async left(holder: Holder): Promise<boolean> {
    const left = await Promise.all(
      this.#groups.map((group) => group.left(holder)),
    );
    return !left.includes(false);
  }

  /** Gives all new connections to a successor's listeners. */
  async handOver(count: number): Promise<void> {
    for (const group of this.#groups) group.handOver(count);
    await settled();
  }

  /** How many listeners each address has; 0 where nobody knows. */
  get listeners(): number {
    return this.#groups[0]?.size ?? 0;
  }

  /**
   * The holders in the order in which a successor expects them to close; null
   * where it expects none.
   */
  lastFirst(): Holder[] | null {
    return this.#groups[0]?.lastFirst() ?? null;
  }

  /**
   * The process that was taken over from has closed its listeners, or is about
   * to end: then a listener may close after the connection that told of it.
   */
  async othersLeft(): Promise<void> {
    await settled();
    for (const group of this.#groups) group.othersLeft();
  }

  /** Gives everything back. */
  close(): void {
    for (const group of this.#groups) group.close();
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LEAVE_MS));
}
