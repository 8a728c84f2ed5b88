/**
 * A response that a test reads piece by piece.
 *
 * @module
 */

import { PartialResponse } from "./partial_response.ts";

/** A started response; iterate its pieces, or leave in its middle. */
export class TestStream extends PartialResponse<Uint8Array> {
  /** For the message of a timeout. */
  protected override readonly awaited: string = "go on with its response";

  /** A piece as it comes. */
  protected override readPart(
    read: () => Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null> {
    return read();
  }
}
