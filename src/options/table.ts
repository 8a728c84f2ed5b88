/**
 * The table of options; command line, help, completions and documents are made
 * from it.
 *
 * @module
 */

import {
  allowedHost,
  choice,
  existingFile,
  fileMode,
  flag,
  headerField,
  host,
  integer,
  list,
  listenAddress,
  path,
  port,
  rootPath,
  seconds,
  text,
  trustedProxy,
} from "./value_types.ts";
import type { ValueType } from "./value_types.ts";
import type { Settings } from "./settings.ts";

/** One option of the server with values of type `T`. */
export interface Option<T = unknown> {
  /** The heading of `--help` that starts with this option. */
  readonly heading?: string;
  /** Other names; those of one letter are short options. */
  readonly aliases?: readonly string[];
  readonly type: ValueType<NonNullable<T>>;
  /** True when one value on the command line may hold several, with commas. */
  readonly commaSeparated?: boolean;
  /** In place of the type's placeholder. */
  readonly placeholder?: string;
  readonly default: T;
  /** For `--help`: no full stop, no default. */
  readonly help: string;
  /** Options that must not be given together with this one. */
  readonly conflictsWith?: readonly (keyof Settings)[];
}

/** Every option by its key in {@linkcode Settings}, in the order of `--help`. */
type OptionTable = {
  readonly [K in keyof Settings]: Option<Settings[K]>;
};

/** `maxConnections` is `max-connections` on the command line … */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** … and `PAGI_MAX_CONNECTIONS` in the environment. */
export function environmentName(key: string): string {
  return `PAGI_${longName(key).replaceAll("-", "_").toUpperCase()}`;
}

/** `-x` for a letter, `--xyz` for a longer name. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/**
 * The value of an option as the command line or a configuration file gives it:
 * a text is one item of a list, unless commas separate several.
 */
export function coerceGiven(
  { type, commaSeparated }: Option,
  value: unknown,
): unknown {
  return typeof value === "string" && type.item && !commaSeparated
    ? [type.item.parse(value)]
    : type.coerce(value);
}

const number = integer();
const atLeastOne = integer({ min: 1 });

/** The options under the headings "Limits" and "Timeouts". */
const LIMIT_OPTIONS: Pick<
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
    type: number,
    default: 0,
    help: "Connections per worker; more get 503; 0: open-file limit minus 50",
  },
  maxBodySize: {
    type: number,
    default: 10_000_000,
    help: "Bytes of a request body; more get 413; 0 means unlimited",
  },
  maxHeaderSize: {
    type: atLeastOne,
    default: 8192,
    help: "Bytes of a request line (414) and of the header fields (431)",
  },
  maxHeaderCount: {
    type: atLeastOne,
    default: 100,
    help: "Header fields of a request; more get 431",
  },
  maxReceiveQueue: {
    type: atLeastOne,
    default: 1000,
    help: "WebSocket messages waiting for the app; more close it with 1008",
  },
  maxWsFrameSize: {
    type: atLeastOne,
    default: 65536,
    help: "Bytes of a WebSocket message; more close the connection",
  },
  writeHighWatermark: {
    type: number,
    default: 65536,
    help: "Bytes waiting to be sent that make the app wait",
  },
  writeLowWatermark: {
    type: number,
    default: 16384,
    help:
      "Bytes waiting to be sent below which it goes on; at most the high mark",
  },

  timeout: {
    heading: "Timeouts in seconds (0 means none)",
    type: seconds,
    default: 60,
    help: "For a request head to arrive, also on a connection that is kept, " +
      "and between two pieces of a body; when given, also for the app to " +
      "start its response",
  },
  requestTimeout: {
    type: seconds,
    default: 0,
    help: "For a request in which nothing is read or written",
  },
  wsIdleTimeout: {
    type: seconds,
    default: 0,
    help: "For a WebSocket on which nothing is received or sent",
  },
  sseIdleTimeout: {
    type: seconds,
    default: 0,
    help: "For an event stream on which nothing is sent, not even a comment",
  },
  lifespanStartupTimeout: {
    type: seconds,
    default: 30,
    help: "For the app to load, and again for it to start",
  },
  shutdownTimeout: {
    type: seconds,
    default: 30,
    help: "For running requests to finish on a stop, and then for the app",
  },
};

/** The options that set something. */
export const OPTIONS: OptionTable = {
  lib: {
    heading: "Application",
    aliases: ["I"],
    type: list(path),
    placeholder: "PATH",
    default: [],
    help: "Look for app modules under PATH too; repeatable",
  },
  app: {
    aliases: ["a"],
    type: path,
    default: null,
    help: "The app's file; the same as naming it as the first argument",
  },
  eval: {
    aliases: ["e"],
    type: text,
    placeholder: "CODE",
    default: null,
    help: "An app as JavaScript code",
    conflictsWith: ["app"],
  },
  module: {
    aliases: ["M"],
    type: list(path),
    placeholder: "MODULE",
    default: [],
    help: "Load MODULE before the app; repeatable",
  },
  envFile: {
    type: list(existingFile),
    default: [],
    help: "Set the variables of FILE that are not set yet; repeatable",
  },
  env: {
    aliases: ["E"],
    type: choice(["development", "production", "none"]),
    placeholder: "MODE",
    default: null,
    help:
      "development, production or none (default: development if stdin is a terminal)",
  },
  config: {
    aliases: ["c"],
    type: existingFile,
    default: null,
    help: "Read options and the app from FILE (TOML)",
  },
  noConfig: {
    type: flag,
    default: false,
    help: "Do not read pagi-server.toml in the current folder",
    conflictsWith: ["config"],
  },
  noDefaultMiddleware: {
    type: flag,
    default: false,
    help: "No checks and no error pages in development",
  },
  lifespan: {
    type: choice(["auto", "on", "off"]),
    default: "auto",
    help: "Lifespan events; on: the app must take them; off: none",
  },

  host: {
    heading: "Address",
    aliases: ["h"],
    type: host,
    default: "127.0.0.1",
    help: "Address to listen at; 0.0.0.0 and :: mean all",
  },
  port: {
    aliases: ["p"],
    type: port,
    default: 5000,
    help: "Port to listen at; 0 lets the system choose",
  },
  socket: {
    type: path,
    default: null,
    help: "Listen at a Unix socket instead of host and port",
    conflictsWith: ["host", "port"],
  },
  socketMode: {
    type: fileMode,
    default: null,
    help: "Permissions of Unix sockets, in octal, as in 0660",
  },
  listen: {
    type: list(listenAddress),
    default: [],
    help: "Listen at HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable",
    conflictsWith: ["host", "port", "socket"],
  },
  listenerBacklog: {
    aliases: ["b", "listener_backlog"],
    type: integer({ min: 1, max: 2 ** 31 - 1 }),
    default: null,
    help: "Connections the system may queue (default: the server's choice)",
  },
  allowedHosts: {
    type: list(allowedHost),
    commaSeparated: true,
    placeholder: "HOST",
    default: [],
    help: "Hosts that requests may name, as in example.com, or " +
      ".example.com for all below it too; others get 421. loopback: this " +
      "machine's names at its own addresses, *: any; repeatable, or with commas",
  },
  sslCert: {
    type: existingFile,
    default: null,
    help: "TLS certificate chain (PEM); makes the server speak HTTPS",
  },
  sslKey: {
    type: existingFile,
    default: null,
    help: "Private key (PEM) of --ssl-cert",
  },
  sslSelfSigned: {
    type: flag,
    default: false,
    help: "Speak HTTPS with a certificate that is made at the start and that " +
      "browsers warn of, for development",
    conflictsWith: ["sslCert", "sslKey"],
  },
  http2: {
    type: flag,
    default: true,
    help: "Accepted and without effect: HTTP/2 is always on",
  },

  proxyHeaders: {
    heading: "Behind a proxy",
    type: flag,
    default: false,
    help: "Take client and scheme from X-Forwarded-For and -Proto, or " +
      "Forwarded, where a trusted proxy sends them",
  },
  trustedProxies: {
    type: list(trustedProxy),
    commaSeparated: true,
    default: ["127.0.0.1", "::1"],
    help: "Whose headers --proxy-headers takes: addresses, ranges such as " +
      "10.0.0.0/8, unix: for Unix sockets; repeatable, or with commas",
  },
  rootPath: {
    type: rootPath,
    default: "",
    help: "The start of the path that the proxy takes off, for links",
  },
  header: {
    type: list(headerField, "\n"),
    default: [],
    help: 'Add "Name: value" to responses that lack the name; repeatable, ' +
      "in PAGI_HEADER one a line",
  },

  workers: {
    heading: "Process",
    aliases: ["w"],
    type: integer({ max: 1024 }),
    default: 1,
    help: "Workers; 0 and 1 mean a single process without any",
  },
  reuseport: {
    type: flag,
    default: false,
    help: "Each worker binds the address itself; no effect with one worker",
  },
  maxRequests: {
    type: integer(),
    default: 0,
    help: "Replace a worker after NUM requests; 0: never, as with one worker",
  },
  heartbeatTimeout: {
    type: seconds,
    default: 50,
    help: "Replace a worker blocked for longer; 0 means never",
  },
  daemonize: {
    aliases: ["D"],
    type: flag,
    default: false,
    help: "Run in the background once the start has succeeded",
  },
  pid: {
    type: path,
    default: null,
    help: "Write the process id to FILE; removed on a clean exit",
  },
  user: {
    type: text,
    placeholder: "USER",
    default: null,
    help: "Run as USER once the address is bound; needs root",
  },
  group: {
    type: text,
    placeholder: "GROUP",
    default: null,
    help: "Run as GROUP (default: the primary group of --user)",
  },
  loop: {
    aliases: ["l"],
    type: choice(["Poll", "EV", "Epoll", "UV", "Select", "KQueue"]),
    placeholder: "BACKEND",
    default: null,
    help: "Accepted and without effect: Deno has one event loop",
  },

  ...LIMIT_OPTIONS,

  logLevel: {
    heading: "Logs",
    type: choice(["debug", "info", "warn", "error"]),
    placeholder: "LEVEL",
    default: "info",
    help: "Least level that is logged: debug, info, warn or error",
  },
  logFile: {
    type: path,
    default: null,
    help:
      "Append the server's own log to FILE, - being standard output (default: standard error)",
  },
  accessLog: {
    type: path,
    default: null,
    help:
      "Append a line for each request to FILE, - being standard output (default: standard error)",
  },
  accessLogFormat: {
    type: text,
    placeholder: "FORMAT",
    default: "clf",
    help: "clf, combined, common, tiny, or Apache-style atoms",
  },
  noAccessLog: {
    type: flag,
    default: false,
    help: "No access log",
    conflictsWith: ["accessLog"],
  },
  quiet: {
    aliases: ["q"],
    type: flag,
    default: false,
    help: "No banner at the start",
  },
  open: {
    type: flag,
    default: false,
    help: "Open a browser once the server has started",
    conflictsWith: ["daemonize"],
  },
  qr: {
    type: flag,
    default: false,
    help: "Show a QR code of an address that --host lets others use",
    conflictsWith: ["daemonize"],
  },
};
