/**
 * All addresses of a server, each with the listeners that share it.
 *
 * @module
 */

import { canShareUnixSockets } from "../engine/unix_listener.ts";
import type { SocketAddress } from "../guard/address.ts";
import { type ListenerId, Steering } from "../guard/steering.ts";
import type { ListenAddress } from "../options/address.ts";
import type { CommandLine } from "../options/command_line.ts";
import { LEAVE_MS } from "../server/drain.ts";
import { ListenError, listenError } from "../server/listen_address.ts";

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
        `Cannot listen at ${address.path} with several workers: they can share a Unix socket on Linux with glibc only, and with the permission for FFI (deno run -A). Use --workers 1, or a port.`,
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
