/**
 * The table of options; command line, help, completions and documents are made
 * from it.
 */

import {
  allowedHost,
  brokerUrl,
  choice,
  existingFile,
  fileMode,
  flag,
  headerField,
  host,
  integer,
  list,
  listenAddress,
  metricsAddress,
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

/** The options that set something. */
export const OPTIONS: OptionTable = {
  lib: {
    heading: "Application",
    aliases: ["I"],
    type: list(path),
    placeholder: "PATH",
    default: [],
    help: "Also look for app modules in PATH; repeatable",
  },
  app: {
    aliases: ["a"],
    type: path,
    default: null,
    help: "App file; the same as naming it as the first argument",
  },
  eval: {
    aliases: ["e"],
    type: text,
    placeholder: "CODE",
    default: null,
    help: "JavaScript code that is the app",
    conflictsWith: ["app"],
  },
  module: {
    aliases: ["M"],
    type: list(path),
    placeholder: "MODULE",
    default: [],
    help: "Import MODULE before the app; repeatable",
  },
  envFile: {
    type: list(existingFile),
    default: [],
    help: "Set variables from FILE unless they are already set; repeatable",
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
    help: "Ignore pagi-server.toml in the current folder",
    conflictsWith: ["config"],
  },
  noDefaultMiddleware: {
    type: flag,
    default: false,
    help: "In development: no protocol checks and no error pages",
  },
  reload: {
    type: flag,
    default: false,
    help: "Restart the app when its files change, for development",
    conflictsWith: ["daemonize", "user", "group"],
  },
  reloadDir: {
    type: list(path),
    placeholder: "DIR",
    default: [],
    help: "With --reload: when files in DIR change, too; repeatable",
  },
  reloadInclude: {
    type: list(text),
    placeholder: "GLOB",
    default: [],
    help: "With --reload: when files change that GLOB matches, such as " +
      "'views/**/*.html'; repeatable",
  },
  lifespan: {
    type: choice(["auto", "on", "off"]),
    default: "auto",
    help: "Lifespan events: on: the app must handle them; off: none are sent",
  },

  host: {
    heading: "Address",
    aliases: ["h"],
    type: host,
    default: "127.0.0.1",
    help: "Address to listen on; 0.0.0.0 or :: for all",
  },
  port: {
    aliases: ["p"],
    type: port,
    default: 5000,
    help: "Port to listen on; 0 picks a free one",
  },
  socket: {
    type: path,
    default: null,
    help: "Listen on a Unix socket instead of a host and port",
    conflictsWith: ["host", "port"],
  },
  socketMode: {
    type: fileMode,
    default: null,
    help: "Permissions of Unix sockets in octal, such as 0660",
  },
  listen: {
    type: list(listenAddress),
    default: [],
    help: "Listen on HOST:PORT, [IPV6]:PORT or unix:PATH; repeatable",
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
    help:
      "Host names that requests may use: example.com, or .example.com for its subdomains too; others get 421. loopback: names of this machine, on its loopback addresses; *: any; repeatable or comma-separated",
  },
  sslCert: {
    type: existingFile,
    default: null,
    help: "TLS certificate chain (PEM); enables HTTPS",
  },
  sslKey: {
    type: existingFile,
    default: null,
    help: "Private key (PEM) for --ssl-cert",
  },
  sslSelfSigned: {
    type: flag,
    default: false,
    help: "HTTPS for development, with a certificate made at the start that " +
      "browsers warn about",
    conflictsWith: ["sslCert", "sslKey"],
  },
  http2: {
    type: flag,
    default: true,
    help: "Accepted but ignored: HTTP/2 is always on",
  },

  proxyHeaders: {
    heading: "Behind a proxy",
    type: flag,
    default: false,
    help:
      "Take the client's address, scheme and host from X-Forwarded-For, -Proto and -Host, or Forwarded, if a trusted proxy sent them",
  },
  trustedProxies: {
    type: list(trustedProxy),
    commaSeparated: true,
    default: ["127.0.0.1", "::1"],
    help:
      "Proxies that --proxy-headers trusts: addresses, ranges such as 10.0.0.0/8, unix: for Unix sockets; repeatable or comma-separated",
  },
  rootPath: {
    type: rootPath,
    default: "",
    help: "Path prefix that a proxy strips, for links",
  },
  header: {
    type: list(headerField, "\n"),
    default: [],
    help:
      'Add "Name: value" to responses without that field; repeatable; one per line in PAGI_HEADER',
  },

  workers: {
    heading: "Process",
    aliases: ["w"],
    type: integer({ max: 1024 }),
    default: 1,
    help: "Number of workers; 0 and 1 mean a single process",
  },
  reuseport: {
    type: flag,
    default: false,
    help: "Accepted but ignored: each worker always binds the address itself",
  },
  maxRequests: {
    type: integer(),
    default: 0,
    help:
      "Replace a worker after NUM requests; 0: never; ignored with one worker",
  },
  heartbeatTimeout: {
    type: seconds,
    default: 50,
    help: "Replace a worker that is blocked for longer; 0: never",
  },
  channelsBackend: {
    type: brokerUrl,
    default: null,
    help:
      "Carry the messages of channels between processes by redis://, rediss://, nats:// or, for NATS with TLS, tls://HOST:PORT",
  },
  daemonize: {
    aliases: ["D"],
    type: flag,
    default: false,
    help: "Run in the background after a successful start",
  },
  pid: {
    type: path,
    default: null,
    help: "Write the process ID to FILE; removed on a clean exit",
  },
  user: {
    type: text,
    placeholder: "USER",
    default: null,
    help: "Run as USER after binding the address; needs root",
  },
  group: {
    type: text,
    placeholder: "GROUP",
    default: null,
    help: "Run as GROUP (default: primary group of --user)",
  },
  loop: {
    aliases: ["l"],
    type: choice(["Poll", "EV", "Epoll", "UV", "Select", "KQueue"]),
    placeholder: "BACKEND",
    default: null,
    help: "Accepted but ignored: Deno has its own event loop",
  },

  maxConnections: {
    heading: "Limits",
    type: number,
    default: 0,
    help:
      "Connections per worker; beyond that, 503; 0: open-file limit minus 50",
  },
  maxBodySize: {
    type: number,
    default: 10_000_000,
    help: "Bytes in a request body; beyond that, 413; 0: unlimited",
  },
  maxHeaderSize: {
    type: atLeastOne,
    default: 8192,
    help: "Bytes in the request line (414) and in the header fields (431)",
  },
  maxHeaderCount: {
    type: atLeastOne,
    default: 100,
    help: "Header fields in a request; beyond that, 431",
  },
  maxReceiveQueue: {
    type: atLeastOne,
    default: 1000,
    help:
      "WebSocket messages waiting for the app; beyond that, close code 1008",
  },
  maxWsFrameSize: {
    type: atLeastOne,
    default: 65536,
    help: "Bytes in a WebSocket message; beyond that, the connection is closed",
  },
  writeHighWatermark: {
    type: number,
    default: 65536,
    help: "Unsent bytes at which the app has to wait",
  },
  writeLowWatermark: {
    type: number,
    default: 16384,
    help:
      "Unsent bytes below which the app may go on; at most the high watermark",
  },

  timeout: {
    heading: "Timeouts in seconds (0 disables)",
    type: seconds,
    default: 60,
    help:
      "For a request head to arrive, also on kept-alive connections, and between two chunks of a body; if given, also for the app to start its response",
  },
  requestTimeout: {
    type: seconds,
    default: 0,
    help: "For a request while nothing is read or written",
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
    help: "For running requests to finish on shutdown, and then for the app",
  },
  shutdownDelay: {
    type: seconds,
    default: 0,
    help:
      "Go on serving for so long after TERM, while /readyz of --metrics says no",
  },

  logLevel: {
    heading: "Logs and metrics",
    type: choice(["debug", "info", "warn", "error"]),
    placeholder: "LEVEL",
    default: "info",
    help: "Minimum level to log: debug, info, warn or error",
  },
  logFile: {
    type: path,
    default: null,
    help:
      "Append the server's log to FILE; - for standard output (default: standard error)",
  },
  logFormat: {
    type: choice(["text", "json"]),
    placeholder: "FORMAT",
    default: "text",
    help: "text, or json: an object per line, of the access log too",
  },
  accessLog: {
    type: path,
    default: null,
    help:
      "Append a line per request to FILE; - for standard output (default: standard error)",
  },
  accessLogFormat: {
    type: text,
    placeholder: "FORMAT",
    default: "clf",
    help:
      "clf, combined, common, tiny, json, dev (on a terminal in development), or an Apache-style format",
  },
  noAccessLog: {
    type: flag,
    default: false,
    help: "Disable the access log",
    conflictsWith: ["accessLog"],
  },
  metrics: {
    type: metricsAddress,
    default: null,
    help:
      "Serve /metrics, /healthz and /readyz at PORT of this machine, or at HOST:PORT",
  },
  quiet: {
    aliases: ["q"],
    type: flag,
    default: false,
    help: "Do not print the banner",
  },
  open: {
    type: flag,
    default: false,
    help: "Open a browser when the server has started",
    conflictsWith: ["daemonize"],
  },
  qr: {
    type: flag,
    default: false,
    help: "Show a QR code of an address that other devices can use",
    conflictsWith: ["daemonize"],
  },
};
