/**
 * How a WebSocket ended, in the words of the protocol.
 *
 * @module
 */

/** Code and reason of a `websocket.disconnect`. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** The peer is gone without a Close. */
export const CLIENT_CLOSED: Ending = { code: 1006, reason: "client_closed" };

/**
 * What the engine's words for an error mean (PAGI.md 3.4, the table of
 * endings). It drops the connection without a Close frame (PAGI.md 9).
 */
export function endingOf(message: string): Ending {
  if (/UTF-?8/i.test(message)) return { code: 1007, reason: "protocol_error" };
  if (/frame too large/i.test(message)) {
    return { code: 1009, reason: "protocol_error" };
  }
  if (/ping frame/i.test(message)) {
    return { code: 1006, reason: "keepalive_timeout" };
  }
  if (/broken pipe/i.test(message)) {
    return { code: 1006, reason: "write_error" };
  }
  if (
    /invalid|reserved|opcode|op code|control frame|ping|masked|fragment|code/i
      .test(message)
  ) return { code: 1002, reason: "protocol_error" };
  return CLIENT_CLOSED;
}
