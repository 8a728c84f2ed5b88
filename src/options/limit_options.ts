/**
 * The part of the option table that bounds things: sizes, numbers, times.
 *
 * @module
 */

import { integer, seconds } from "./kinds.ts";
import type { OptionTable } from "./option.ts";

const number = integer();
const atLeastOne = integer({ min: 1 });

/** The options under the headings "Limits" and "Timeouts". */
export const LIMIT_OPTIONS: Pick<
  OptionTable,
  | "maxConnections"
  | "maxBodySize"
  | "maxHeaderSize"
  | "maxHeaderCount"
  | "maxReceiveQueue"
  | "maxWsFrameSize"
  | "writeHighWatermark"
  | "writeLowWatermark"
  | "timeout"
  | "requestTimeout"
  | "wsIdleTimeout"
  | "sseIdleTimeout"
  | "lifespanStartupTimeout"
  | "shutdownTimeout"
> = {
  maxConnections: {
    heading: "Limits",
    kind: number,
    default: 0,
    help: "Connections per worker; more get 503; 0: open-file limit minus 50",
  },
  maxBodySize: {
    kind: number,
    default: 10_000_000,
    help: "Bytes of a request body; more get 413; 0 means unlimited",
  },
  maxHeaderSize: {
    kind: atLeastOne,
    default: 8192,
    help: "Bytes of a request line (414) and of the header fields (431)",
  },
  maxHeaderCount: {
    kind: atLeastOne,
    default: 100,
    help: "Header fields of a request; more get 431",
  },
  maxReceiveQueue: {
    kind: atLeastOne,
    default: 1000,
    help: "WebSocket messages waiting for the app; more close it with 1008",
  },
  maxWsFrameSize: {
    kind: atLeastOne,
    default: 65536,
    help: "Bytes of a WebSocket message; more close the connection",
  },
  writeHighWatermark: {
    kind: number,
    default: 65536,
    help: "Bytes waiting to be sent that make the app wait",
  },
  writeLowWatermark: {
    kind: number,
    default: 16384,
    help:
      "Bytes waiting to be sent below which it goes on; at most the high mark",
  },

  timeout: {
    heading: "Timeouts in seconds (0 means none)",
    kind: seconds,
    default: 60,
    help: "For a request head to arrive, also on a connection that is kept, " +
      "and between two pieces of a body; when given, also for the app to " +
      "start its response",
  },
  requestTimeout: {
    kind: seconds,
    default: 0,
    help: "For a request in which nothing is read or written",
  },
  wsIdleTimeout: {
    kind: seconds,
    default: 0,
    help: "For a WebSocket on which nothing is received or sent",
  },
  sseIdleTimeout: {
    kind: seconds,
    default: 0,
    help: "For an event stream on which nothing is sent, not even a comment",
  },
  lifespanStartupTimeout: {
    kind: seconds,
    default: 30,
    help: "For the app to load, and again for it to start",
  },
  shutdownTimeout: {
    kind: seconds,
    default: 30,
    help: "For running requests to finish on a stop, and then for the app",
  },
};
