/**
 * What goes wrong between the proxy and a target.
 *
 * @module
 */

import type { HeaderList } from "../../pagi/types.ts";

/** The answer of a gateway whose target fails (RFC 9110, 15.6.3 and 15.6.5). */
export type GatewayStatus = 502 | 503 | 504;

/** A target that does not answer as it should. */
export class UpstreamError extends Error {
  override readonly name: string = "UpstreamError";

  /** @param status 504 where time ran out, 503 where it is our own fault. */
  constructor(
    readonly status: GatewayStatus,
    override readonly message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The fields that tell a client when to come back. */
export function retryFields({ status }: UpstreamError): HeaderList {
  return status === 503 ? [["retry-after", "5"]] : [];
}

/** A target that cannot be reached: nothing was sent to it. */
export class ConnectError extends UpstreamError {
  override readonly name = "ConnectError";
}

/** The process can open no more connections; no target is to blame. */
export class NoDescriptor extends UpstreamError {
  override readonly name = "NoDescriptor";

  constructor() {
    super(503, "No descriptor is left for a connection to a target.");
  }
}
