/**
 * The client's leaving, for work that is not to be done for nobody.
 *
 * @module
 */

import type { Receive } from "../../pagi/types.ts";

/** Tells whether the client has left; a `send` to nobody does not. */
export class Departure {
  /** True once the client has left. */
  happened = false;
  /** Resolves once the client has left; pending for ever if it stays. */
  readonly promise: Promise<void>;

  /** Reads the request to its end, which is when the client leaves. */
  constructor(receive: Receive) {
    this.promise = this.#watch(receive).catch(() => new Promise(() => {}));
  }

  async #watch(receive: Receive): Promise<void> {
    while (!this.happened) {
      this.happened = (await receive()).type.endsWith(".disconnect");
    }
  }
}
