/**
 * The one table of the server's options. The parser, `--help` and the README's
 * table are made from it; the compiler checks it against `Settings`.
 *
 * Defaults and meanings: PAGI.md 6.
 *
 * @module
 */

import { allowedHost, host, listenAddress, port } from "./address.ts";
import { existingFile, fileMode, path } from "./file_kinds.ts";
import { headerField } from "./header_field.ts";
import { choice, flag, integer, list, seconds, text } from "./kinds.ts";
import { LIMIT_OPTIONS } from "./limit_options.ts";
import type { OptionTable } from "./option.ts";
import { rootPath, trustedProxy } from "./proxy_kinds.ts";

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
  envFile: {
    kind: list(existingFile),
    default: [],
    help: "Set the variables of FILE that are not set yet; repeatable",
  },
  env: {
    aliases: ["E"],
    kind: choice(["development", "production", "none"]),
    placeholder: "MODE",
    default: null,
    help:
      "development, production or none (default: development if stdin is a terminal)",
  },
  noDefaultMiddleware: {
    kind: flag,
    default: false,
    help: "No checks and no error pages in development",
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
  allowedHosts: {
    kind: list(allowedHost),
    commas: true,
    placeholder: "HOST",
    default: [],
    help: "Hosts that requests may name, as in example.com, or " +
      ".example.com for all below it too; others get 421. loopback: this " +
      "machine's names at its own addresses, *: any; repeatable, or with commas",
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

  proxyHeaders: {
    heading: "Behind a proxy",
    kind: flag,
    default: false,
    help: "Take client and scheme from X-Forwarded-For and -Proto, or " +
      "Forwarded, where a trusted proxy sends them",
  },
  trustedProxies: {
    kind: list(trustedProxy),
    commas: true,
    default: ["127.0.0.1", "::1"],
    help: "Whose headers --proxy-headers takes: addresses, ranges such as " +
      "10.0.0.0/8, unix: for Unix sockets; repeatable, or with commas",
  },
  rootPath: {
    kind: rootPath,
    default: "",
    help: "The start of the path that the proxy takes off, for links",
  },
  header: {
    kind: list(headerField, "\n"),
    default: [],
    help: 'Add "Name: value" to responses that lack the name; repeatable, ' +
      "in PAGI_HEADER one a line",
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
    kind: integer(),
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

  ...LIMIT_OPTIONS,

  logLevel: {
    heading: "Logs",
    kind: choice(["debug", "info", "warn", "error"]),
    placeholder: "LEVEL",
    default: "info",
    help: "Least level that is logged: debug, info, warn or error",
  },
  logFile: {
    kind: path,
    default: null,
    help:
      "Append the server's own log to FILE, - being standard output (default: standard error)",
  },
  accessLog: {
    kind: path,
    default: null,
    help:
      "Append a line for each request to FILE, - being standard output (default: standard error)",
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
