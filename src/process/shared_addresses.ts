/**
 * The addresses of a server, and the listeners that share them: those of its
 * workers, of a process that it takes over from, and of one that takes over.
 */

import { canShareUnixSockets } from "../engine/unix_listener.ts";
import type { SocketAddress } from "../guard/address.ts";
import { type ListenerId, ReuseportSelector } from "../guard/reuseport.ts";
import type { ListenAddress } from "../options/value_types.ts";
import type { CommandLine } from "../options/command_line.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { ListenError, listenError } from "../server/listen_address.ts";
import { delay } from "../std/timer.ts";

/** Interval of polls for a listener that is about to open or close (ms). */
const POLL_MS = 10;
/** Longest wait for one (ms). */
const WAIT_MS = 2000;
/**
 * Time for which a listener without new connections stays open (ms). Closing it
 * also closes idle connections. Until then each response closes its connection,
 * so that few are left.
 */
export const RETIRE_MS = 1000;

/** One address, and the listeners of each holder. */
interface Group<Holder> {
  readonly selector: ReuseportSelector;
  readonly listeners: Map<Holder, ListenerId>;
}

/**
 * Tracks the listeners of each holder, and keeps the kernel from giving new
 * connections to those that are about to close. A holder is a worker, or the
 * only server of a process. Where listeners cannot be selected (Unix sockets,
 * other systems than Linux) there are no groups, and all methods do nothing.
 */
export class SharedAddresses<Holder extends object> {
  readonly #groups: readonly Group<Holder>[];
  readonly #avoided = new Set<Holder>();
  /** True while the predecessor selects: only it knows which it will close. */
  #predecessorSelects: boolean;
  #handedOver = false;
  #closed = false;

  /** @param others The number of another process's listeners at each address. */
  constructor(addresses: Iterable<SocketAddress>, others: number) {
    this.#predecessorSelects = others > 0;
    this.#groups = [...addresses].flatMap((address) => {
      if (!("port" in address)) return [];
      const selector = ReuseportSelector.open(address, others);
      return selector === null ? [] : [{ selector, listeners: new Map() }];
    });
  }

  /** To be called when `holder` has just bound all addresses. */
  join(holder: Holder): void {
    for (const { selector, listeners } of this.#groups) {
      if (listeners.has(holder)) continue;
      const listener = selector.join();
      if (listener !== null) listeners.set(holder, listener);
    }
    this.#select();
  }

  /** To be called when listeners of `holder` may have closed after an error. */
  listenerLost(holder: Holder): void {
    for (const group of this.#groups) {
      const listener = group.listeners.get(holder);
      if (listener === undefined || group.selector.isOpen(listener)) continue;
      this.#remove(group, holder, listener);
    }
  }

  /** Resolves when `holder` has bound its lost listeners again. */
  async rejoined(holder: Holder): Promise<void> {
    await this.#until(() => {
      this.join(holder);
      return this.#groups.every(({ listeners }) => listeners.has(holder));
    });
  }

  /** Gives `holder` no new connections, or (`false`) some again. */
  avoid(holder: Holder, avoided = true): void {
    if (avoided) this.#avoided.add(holder);
    else this.#avoided.delete(holder);
    this.#select();
  }

  /** To be called before the listeners of `holder`, which is avoided, close. */
  prepareClose(holder: Holder): void {
    this.#select(holder);
  }

  /** Resolves with whether all listeners of `holder` closed in time. */
  async waitClosed(holder: Holder): Promise<boolean> {
    let all = true;
    for (const group of this.#groups) {
      const listener = group.listeners.get(holder);
      if (listener === undefined) continue;
      const closed = await this.#until(() => !group.selector.isOpen(listener));
      if (closed) this.#remove(group, holder, listener);
      all &&= closed;
    }
    if (all) this.#avoided.delete(holder);
    return all;
  }

  /** Gives all new connections to the `count` listeners of a successor. */
  async handOver(count: number): Promise<void> {
    for (const { selector } of this.#groups) selector.joinOthers(count);
    this.#handedOver = true;
    this.#select();
    await delay(RETIRE_MS);
  }

  /** Listeners at each address, unclosable ones too; 0 where unknown. */
  get size(): number {
    return this.#groups[0]?.listeners.size ?? 0;
  }

  /** The holders in the order that a successor expects; null for any order. */
  closeOrder(): Holder[] | null {
    const [first] = this.#groups;
    if (first === undefined) return null;
    const holders = new Map(
      [...first.listeners].map(([holder, listener]) => [listener, holder]),
    );
    return first.selector.closeOrder().flatMap((listener) =>
      holders.get(listener) ?? []
    );
  }

  /**
   * To be called when the predecessor has closed its listeners or is about to
   * end; in the second case they close a moment after its message.
   */
  async predecessorClosed(): Promise<void> {
    await delay(LEAVE_MS);
    for (const { selector } of this.#groups) selector.predecessorClosed();
    this.#predecessorSelects = false;
    this.#select();
  }

  /** Releases everything, and ends all waiting for listeners. */
  close(): void {
    this.#closed = true;
    for (const { selector } of this.#groups) selector.close();
  }

  #remove(group: Group<Holder>, holder: Holder, listener: ListenerId): void {
    group.selector.leave(listener);
    group.listeners.delete(holder);
    this.#select();
  }

  /** Polls `condition`; false when it does not hold in time. */
  async #until(condition: () => boolean): Promise<boolean> {
    const giveUp = performance.now() + WAIT_MS;
    while (!this.#closed) {
      if (condition()) return true;
      if (performance.now() > giveUp) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  #select(closing?: Holder): void {
    if (this.#closed || this.#predecessorSelects) return;
    for (const { selector, listeners } of this.#groups) {
      const avoided = new Set<ListenerId | null>(
        [...this.#avoided].flatMap((holder) => listeners.get(holder) ?? []),
      );
      selector.select(
        (listener) =>
          listener === null || !this.#handedOver && !avoided.has(listener),
        closing && listeners.get(closing),
      );
    }
  }
}

/** @throws {ListenError} When workers cannot share the addresses. */
export function checkShareable(addresses: readonly ListenAddress[]): void {
  for (const address of addresses) {
    if ("port" in address && !canShare()) {
      throw new ListenError(
        "Several workers need --unstable-net: add it to the options of deno run, or use --workers 1.",
      );
    }
    if ("path" in address && !canShareUnixSockets()) {
      throw new ListenError(
        `Cannot listen on ${address.path} with several workers: they can share a Unix socket on Linux with glibc only, and with the permission for FFI (deno run -A). Use --workers 1, or a port.`,
      );
    }
  }
}

/** Whether Deno lets listeners share a port: Linux, with --unstable-net. */
export function canShare(): boolean {
  return Deno.build.os === "linux" && "listenDatagram" in Deno;
}

/**
 * Binds each address once without SO_REUSEPORT, with which a port of another
 * server of the same user would not be refused.
 *
 * @throws {ListenError} When one is taken, not allowed or not there.
 */
export function checkFree(addresses: readonly ListenAddress[]): void {
  for (const address of addresses) {
    if ("path" in address) continue;
    const { host, port } = address;
    try {
      Deno.listen({ hostname: host, port }).close();
    } catch (error) {
      throw listenError(address, error);
    }
  }
}

/**
 * The command line with a single process and a notice where `os` is not Linux:
 * other kernels do not spread connections over several listeners.
 */
export function withoutSharing(
  line: CommandLine,
  os: typeof Deno.build.os = Deno.build.os,
): CommandLine {
  const { settings, notices } = line;
  const { workers, reload } = settings;
  if (os === "linux" || workers <= 1 && !reload) return line;
  const text = workers > 1
    ? `--workers ${workers}: workers share a port on Linux only; here a single process serves, without any.`
    : "--reload has no effect: it takes workers that share a port, which they do on Linux only. In a clone of the server: deno run --watch -A main.ts";
  return {
    ...line,
    settings: { ...settings, workers: 1, reload: false },
    notices: [...notices, { level: "warn", text }],
  };
}
