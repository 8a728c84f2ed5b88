/**
 * When what waits to be sent on a WebSocket has left.
 *
 * @module
 */

import type { Timer } from "../../std/timer.ts";
import type { TransportState } from "../response/transport_state.ts";

/** How often a full buffer is looked at, in milliseconds. */
const LOOK_MS = 10;

/** Looks at a buffer until it has drained, because the engine does not tell. */
export class DrainLook {
  readonly #transport: TransportState;
  #timer: Timer | undefined;

  constructor(transport: TransportState) {
    this.#transport = transport;
  }

  /** Looks until the buffer has drained. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#transport.update();
      if (!this.#transport.full) this.end();
    }, LOOK_MS);
  }

  /** Looks no more. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
