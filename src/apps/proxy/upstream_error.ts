/**
 * What goes wrong between the proxy and a target.
 *
 * @module
 */

/** The answer of a gateway whose target fails (RFC 9110, 15.6.3 and 15.6.5). */
export type GatewayStatus = 502 | 504;

/** A target that does not answer as it should. */
export class UpstreamError extends Error {
  override readonly name: string = "UpstreamError";

  /** @param status 504 where time ran out, else 502. */
  constructor(
    readonly status: GatewayStatus,
    override readonly message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A target that cannot be reached: nothing was sent to it. */
export class ConnectError extends UpstreamError {
  override readonly name = "ConnectError";
}
