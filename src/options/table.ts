/**
 * The one table of the server's options. The parser, `--help` and the README's
 * table are made from it; the compiler checks it against `Settings`.
 *
 * Defaults and meanings: PAGI.md 6.
 *
 * @module
 */

import { host, listenAddress, port } from "./address.ts";
import { existingFile, fileMode, path } from "./file_kinds.ts";
import { choice, flag, integer, list, seconds, text } from "./kinds.ts";
import type { Option } from "./option.ts";
import type { Settings } from "./settings.ts";

/** Every option by its key in {@linkcode Settings}, in the order of `--help`. */
export type OptionTable = {
  readonly [K in keyof Settings]: Option<Settings[K]>;
};

const number = integer();
const atLeastOne = integer({ min: 1 });

/** The options that set something. */
export const OPTIONS: OptionTable = {
  lib: {
    heading: "Application",
    aliases: ["I"],
    kind: list(path),
    placeholder: "PATH",
    default: [],
    help: "Look for app modules under PATH too; repeatable",
  },
  app: {
    aliases: ["a"],
    kind: path,
    default: null,
    help: "The app's file; the same as naming it as the first argument",
  },
  eval: {
    aliases: ["e"],
    kind: text,
    placeholder: "CODE",
    default: null,
    help: "An app as JavaScript code",
    excludes: ["app"],
  },
  module: {
    aliases: ["M"],
    kind: list(path),
    placeholder: "MODULE",
    default: [],
    help: "Load MODULE before the app; repeatable",
  },
  env: {
    aliases: ["E"],
    kind: choice(["development", "production", "none"]),
    placeholder: "MODE",
    default: null,
    help: "development, production or none; development checks the app",
  },
  noDefaultMiddleware: {
    kind: flag,
    default: false,
    help: "No checks of the app in development",
  },
  lifespan: {
    kind: choice(["auto", "on", "off"]),
    default: "auto",
    help: "Lifespan events; on: the app must take them; off: none",
  },

  host: {
    heading: "Address",
    aliases: ["h"],
    kind: host,
    default: "127.0.0.1",
    help: "Address to listen at; 0.0.0.0 and :: mean all",
  },
  port: {
    aliases: ["p"],
    kind: port,
    default: 5000,
    help: "Port to listen at; 0 lets the system choose",
  },
  socket: {
    kind: path,
    default: null,
    help: "Listen at a Unix socket instead of host and port",
    excludes: ["host", "port"],
  },
  socketMode: {
    kind: fileMode,
    default: null,
    help: "Permissions of Unix sockets, in octal, as in 0660",
  },
  listen: {
    kind: list(listenAddress),
    default: [],
    help: "Listen at HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable",
    excludes: ["host", "port", "socket"],
  },
  listenerBacklog: {
    aliases: ["b", "listener_backlog"],
    kind: integer({ min: 1, max: 2 ** 31 - 1 }),
    default: null,
    help: "Connections the system may queue (default: the server's choice)",
  },
  sslCert: {
    kind: existingFile,
    default: null,
    help: "TLS certificate chain (PEM); makes the server speak HTTPS",
  },
  sslKey: {
    kind: existingFile,
    default: null,
    help: "Private key (PEM) of --ssl-cert",
  },
  http2: {
    kind: flag,
    default: true,
    help: "Accepted and without effect: HTTP/2 is always on",
  },

  workers: {
    heading: "Process",
    aliases: ["w"],
    kind: integer({ max: 1024 }),
    default: 1,
    help: "Workers; 0 and 1 mean a single process without any",
  },
  reuseport: {
    kind: flag,
    default: false,
    help: "Each worker binds the address itself; no effect with one worker",
  },
  maxRequests: {
    kind: number,
    default: 0,
    help: "Replace a worker after NUM requests; 0: never, as with one worker",
  },
  heartbeatTimeout: {
    kind: seconds,
    default: 50,
    help: "Replace a worker blocked for longer; 0 means never",
  },
  daemonize: {
    aliases: ["D"],
    kind: flag,
    default: false,
    help: "Run in the background once the start has succeeded",
  },
  pid: {
    kind: path,
    default: null,
    help: "Write the process id to FILE; removed on a clean exit",
  },
  user: {
    kind: text,
    placeholder: "USER",
    default: null,
    help: "Run as USER once the address is bound; needs root",
  },
  group: {
    kind: text,
    placeholder: "GROUP",
    default: null,
    help: "Run as GROUP (default: the primary group of --user)",
  },
  loop: {
    aliases: ["l"],
    kind: choice(["Poll", "EV", "Epoll", "UV", "Select", "KQueue"]),
    placeholder: "BACKEND",
    default: null,
    help: "Accepted and without effect: Deno has one event loop",
  },

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
    help: "Bytes waiting to be sent below which it goes on",
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
    help: "For an event stream on which nothing is sent",
  },
  lifespanStartupTimeout: {
    kind: seconds,
    default: 30,
    help: "For the app to start",
  },
  shutdownTimeout: {
    kind: seconds,
    default: 30,
    help: "For running requests to finish on a stop, and then for the app",
  },

  logLevel: {
    heading: "Logs",
    kind: choice(["debug", "info", "warn", "error"]),
    placeholder: "LEVEL",
    default: "info",
    help: "Least level that is logged: debug, info, warn or error",
  },
  accessLog: {
    kind: path,
    default: null,
    help: "Append a line for each request to FILE (default: standard error)",
  },
  accessLogFormat: {
    kind: text,
    placeholder: "FORMAT",
    default: "clf",
    help: "clf, combined, common, tiny, or Apache-style atoms",
  },
  noAccessLog: {
    kind: flag,
    default: false,
    help: "No access log",
    excludes: ["accessLog"],
  },
  quiet: {
    aliases: ["q"],
    kind: flag,
    default: false,
    help: "No banner at the start",
  },
};
