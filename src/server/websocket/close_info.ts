/** How a WebSocket ended, in the words of the protocol. */

import {
  type WebSocketFault,
  webSocketFault,
} from "../../engine/error_text.ts";
import { isCloseCode, isCloseReason } from "../../pagi/websocket_events.ts";

/** Code and reason of a `websocket.disconnect`. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

/** The Close code of a server that stops, or gives a peer up. */
export const GOING_AWAY = 1001;
/** The Close code of a server whose successor takes new connections already. */
export const SERVICE_RESTART = 1012;
/** How long a peer may take to answer a Close, in milliseconds. */
export const CLOSE_WAIT_MS = 10_000;

/** The peer is gone without a Close. */
export const CLIENT_CLOSED: CloseInfo = { code: 1006, reason: "client_closed" };
/** The app closed before it accepted. */
export const CLOSED_EARLY: CloseInfo = { code: 1006, reason: "" };
/** A message was over the limit. */
export const TOO_LARGE: CloseInfo = { code: 1009, reason: "protocol_error" };
/** The app takes messages more slowly than they come. */
export const QUEUE_FULL: CloseInfo = { code: 1008, reason: "queue_overflow" };
/** The server stops. */
export const SHUTDOWN: CloseInfo = { code: 1006, reason: "server_shutdown" };

const VIOLATION: CloseInfo = { code: 1002, reason: "protocol_error" };

const OF_FAULTS: Readonly<Record<WebSocketFault, CloseInfo>> = {
  "not UTF-8": { code: 1007, reason: "protocol_error" },
  "too large": TOO_LARGE,
  "violation": VIOLATION,
  "write failed": { code: 1006, reason: "write_error" },
};

/**
 * The ending that an error of the engine stands for (PAGI.md 3.4, the table of
 * endings). The engine drops the connection without a Close (PAGI.md 9).
 */
export function closeInfoOfError(message: string): CloseInfo {
  const fault = webSocketFault(message);
  return fault === null ? CLIENT_CLOSED : OF_FAULTS[fault];
}

/**
 * The ending that the peer's Close stands for, 1005 an empty one. 0 is how the
 * engine says that it dropped the connection with a Close still to come.
 */
export function closeInfoOfClose(code: number, reason: string): CloseInfo {
  if (code === 0) return CLIENT_CLOSED;
  if (code === 1005) return { code, reason: "" };
  // The engine accepts more codes, and reasons of any length.
  return isCloseCode(code) && isCloseReason(reason)
    ? { code, reason }
    : VIOLATION;
}
