/** Selects which of the listeners that share an address get new connections. */

import { addressName, type SocketAddress } from "./address.ts";
import { openSockets, RETURN, type Socket, type Sockets } from "./sockets.ts";

/** Classic BPF (linux/bpf_common.h, linux/filter.h). */
const LOAD_WORD = 0x20;
const MODULO = 0x94;
const JUMP_IF_EQUAL = 0x15;
/** The address at which LOAD_WORD reads a random number (SKF_AD_RANDOM). */
const RANDOM = 0xfffff000 + 56;

/** A listener of this process, known by its cookie. */
export type ListenerId = number;

/**
 * Attaches a filter by which the kernel chooses among the listeners of one
 * address that were bound with SO_REUSEPORT (socket(7)). The kernel numbers them
 * in the order of binding; when one is closed the last gets its number. Closing a
 * listener resets the connections that wait in its queue. One that gets no new
 * connections can accept those first, so that none is lost.
 */
export class ReuseportSelector {
  readonly #sockets: Sockets;
  readonly #address: SocketAddress;
  /** In the kernel's order; null for a listener of another process. */
  readonly #group: (ListenerId | null)[];

  private constructor(
    sockets: Sockets,
    address: SocketAddress,
    others: number,
  ) {
    this.#sockets = sockets;
    this.#address = address;
    this.#group = new Array(others).fill(null);
  }

  /**
   * @param others How many listeners of another process were bound before.
   * @returns null where `openSockets` returns null
   */
  static open(address: SocketAddress, others = 0): ReuseportSelector | null {
    const sockets = openSockets();
    return sockets === null
      ? null
      : new ReuseportSelector(sockets, address, others);
  }

  /** The listener bound since the last call; null without one. */
  join(): ListenerId | null {
    const found = this.#listeners()
      .find(({ cookie }) => !this.#group.includes(cookie));
    if (found === undefined) return null;
    this.#group.push(found.cookie);
    return found.cookie;
  }

  /** To be called when a listener was closed. */
  leave(listener: ListenerId): void {
    const at = this.#group.indexOf(listener);
    if (at >= 0) this.#remove(at);
  }

  /** The last listener takes the number of a closed one. */
  #remove(at: number): void {
    const last = this.#group.pop()!;
    if (at < this.#group.length) this.#group[at] = last;
  }

  /** To be called when another process closed its listeners, last ones first. */
  predecessorClosed(): void {
    for (let at = this.#group.length - 1; at >= 0; at--) {
      if (this.#group[at] === null) this.#remove(at);
    }
  }

  /** The listeners of this process, in the reverse of the kernel's order. */
  closeOrder(): ListenerId[] {
    return this.#group.filter((listener) => listener !== null).reverse();
  }

  /** To be called when another process has bound `count` listeners. */
  joinOthers(count: number): void {
    this.#group.push(...new Array(count).fill(null));
  }

  /** True while a listener is open. */
  isOpen(listener: ListenerId): boolean {
    return this.#listeners().some(({ cookie }) => cookie === listener);
  }

  /**
   * Distributes new connections at random among the listeners for which `takes`
   * is true. If it is for none, nothing changes.
   *
   * @param closing The next one to be closed. The last listener, which gets its
   * number then, is left out if there are others: where a number has no listener
   * the kernel chooses among all.
   * @returns false when nothing was changed
   */
  select(
    takes: (listener: ListenerId | null) => boolean,
    closing?: ListenerId,
  ): boolean {
    const numbers = this.#group.flatMap((listener, number) =>
      takes(listener) ? [number] : []
    );
    const last = this.#group.length - 1;
    const moves = closing !== undefined && numbers.at(-1) === last;
    if (moves && numbers.length > 1) numbers.pop();
    const [any] = this.#listeners();
    if (numbers.length === 0 || any === undefined) return false;
    return this.#sockets.selectListener(any, chooseAmong(numbers));
  }

  /** Closes what this object has open; the filter remains. */
  close(): void {
    this.#sockets.close();
  }

  /** The listeners of this process at the address. */
  #listeners(): Socket[] {
    const name = addressName(this.#address);
    return [...this.#sockets.listeners()]
      .filter(({ address }) => addressName(address) === name);
  }
}

/** A program that returns one of `numbers` at random. */
function chooseAmong(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
  const program = new Uint8Array(8 * (2 * numbers.length + 1));
  const view = new DataView(program.buffer);
  let at = 0;
  const add = (code: number, jumpFalse: number, k: number): void => {
    view.setUint16(at, code, true);
    view.setUint8(at + 3, jumpFalse);
    view.setUint32(at + 4, k, true);
    at += 8;
  };
  add(LOAD_WORD, 0, RANDOM);
  add(MODULO, 0, numbers.length);
  numbers.slice(0, -1).forEach((number, i) => {
    add(JUMP_IF_EQUAL, 1, i);
    add(RETURN, 0, number);
  });
  add(RETURN, 0, numbers.at(-1)!);
  return program;
}
