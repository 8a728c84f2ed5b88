/** The interface of the backends for brokers. */

/** Longest time for a connection to be made (ms). */
export const CONNECT_MS = 5000;

/** A broker cannot be used; the message says why, and what to do. */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
}

/** One connection with a broker, or one for each direction. */
export interface BrokerConnection {
  /** Resolves when the broker has it. */
  publish(channel: string, data: Uint8Array): Promise<unknown>;
  /** Resolves when messages of these channels will arrive. */
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channel: string): void;
  /** Resolves when the broker has answered all that came before. */
  ping(): Promise<unknown>;
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<string>;
  close(): void;
}

/** What a backend needs to connect. */
export interface BrokerAddress {
  /** Contains secrets, so it must not be shown. */
  readonly url: URL;
  /** Stands before the name of each channel. */
  readonly prefix: string;
  onMessage(channel: string, data: Uint8Array): void;
}

/** Connects with one kind of broker. @throws {Error} When there is none. */
export type Connect = (address: BrokerAddress) => Promise<BrokerConnection>;
