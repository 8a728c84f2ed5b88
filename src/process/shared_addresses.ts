/**
 * The addresses of a server, and the listeners that share them: those of its
 * workers, of a process that it takes over from, and of one that takes over.
 *
 * @module
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
 * How long a listener that gets no new connections stays open (ms). Closing it
 * closes idle connections too: until then each response tells its client to
 * close the connection, so that most clients are gone by then.
 */
export const RETIRE_MS = 1000;

/** One address, and which of its listeners is whose. */
interface Group<Holder> {
  readonly selector: ReuseportSelector;
  readonly listeners: Map<Holder, ListenerId>;
}

/**
 * Knows which listeners are whose, and has the kernel give no new connections
 * to those that are about to close. A holder is a worker, or the only server of
 * a process. Where listeners cannot be selected, as on Unix sockets and other
 * systems, there are no groups and nothing is done.
 */
export class SharedAddresses<Holder extends object> {
  readonly #groups: readonly Group<Holder>[];
  readonly #avoided = new Set<Holder>();
  /**
   * True while the process that is taken over from selects: it knows which of
   * its listeners are about to close.
   */
  #predecessorSelects: boolean;
  #handedOver = false;
  #closed = false;

  /** @param others How many listeners of another process each address has. */
  constructor(addresses: Iterable<SocketAddress>, others: number) {
    this.#predecessorSelects = others > 0;
    this.#groups = [...addresses].flatMap((address) => {
      if (!("port" in address)) return [];
      const selector = ReuseportSelector.open(address, others);
      return selector === null ? [] : [{ selector, listeners: new Map() }];
    });
  }

  /** Takes note that `holder` has just bound all addresses. */
  join(holder: Holder): void {
    for (const { selector, listeners } of this.#groups) {
      if (listeners.has(holder)) continue;
      const listener = selector.join();
      if (listener !== null) listeners.set(holder, listener);
    }
    this.#select();
  }

  /** Takes note of the listeners of `holder` that were closed by accident. */
  listenerLost(holder: Holder): void {
    for (const group of this.#groups) {
      const listener = group.listeners.get(holder);
      if (listener === undefined || group.selector.isOpen(listener)) continue;
      this.#remove(group, holder, listener);
    }
  }

  /** Resolves when `holder` has bound anew what it had lost. */
  async rejoined(holder: Holder): Promise<void> {
    await this.#until(() => {
      this.join(holder);
      return this.#groups.every(({ listeners }) => listeners.has(holder));
    });
  }

  /** Gives `holder` no new connections, or (`false`) gives it some again. */
  avoid(holder: Holder, avoided = true): void {
    if (avoided) this.#avoided.add(holder);
    else this.#avoided.delete(holder);
    this.#select();
  }

  /** Prepares for the listeners of `holder`, which is avoided, to close. */
  prepareClose(holder: Holder): void {
    this.#select(holder);
  }

  /** Resolves with whether all listeners of `holder` have been closed in time. */
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

  /**
   * How many listeners each address has, those included that cannot be closed;
   * 0 where nobody knows.
   */
  get size(): number {
    return this.#groups[0]?.listeners.size ?? 0;
  }

  /**
   * The holders in the order in which a successor expects them to close; null
   * where it expects none.
   */
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
   * The process that was taken over from has closed its listeners, or is about
   * to end: then a listener may close after the connection that told of it.
   */
  async predecessorClosed(): Promise<void> {
    await delay(LEAVE_MS);
    for (const { selector } of this.#groups) selector.predecessorClosed();
    this.#predecessorSelects = false;
    this.#select();
  }

  /** Gives everything back; nobody waits for listeners any more. */
  close(): void {
    this.#closed = true;
    for (const { selector } of this.#groups) selector.close();
  }

  #remove(group: Group<Holder>, holder: Holder, listener: ListenerId): void {
    group.selector.leave(listener);
    group.listeners.delete(holder);
    this.#select();
  }

  /** Resolves with whether `condition` holds in time. */
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

/**
 * Checks that workers can share the addresses.
 *
 * @throws {ListenError} For ports without the unstable API, and for Unix
 * sockets without FFI.
 */
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

/** Tells whether Deno lets listeners share an address, as on Linux they can. */
export function canShare(): boolean {
  return Deno.build.os === "linux" && "listenDatagram" in Deno;
}

/**
 * Binds each address once and lets it go: with SO_REUSEPORT, a port that
 * another server of the same user shares is not refused.
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
 * The command line as far as the system called `os` can follow it: other
 * kernels than Linux's do not spread connections over several listeners, so
 * there one process serves, and a notice says so.
 */
export function withoutSharing(
  line: CommandLine,
  os: typeof Deno.build.os = Deno.build.os,
): CommandLine {
  const { settings, notices } = line;
  if (os === "linux" || settings.workers <= 1) return line;
  const text =
    `--workers ${settings.workers}: workers share a port on Linux only; here a single process serves, without any.`;
  return {
    ...line,
    settings: { ...settings, workers: 1 },
    notices: [...notices, { level: "warn", text }],
  };
}
