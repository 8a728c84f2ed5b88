/**
 * `--help OPTION` and `--help TOPIC`: what does not fit into a line of `--help`.
 */

import {
  columns,
  optionNames,
  optionPlaceholder,
  paragraph,
  sections,
  withDefault,
} from "./help.ts";
import { isFlag, KEYS, LONG_NAMES, NAMED } from "./names.ts";
import { didYouMean, OptionError, quote } from "./option_error.ts";
import type { Settings } from "./settings.ts";
import { dashed, environmentName, longName, OPTIONS } from "./table.ts";

/** When to change an option, and what to know about it. */
const DETAILS: Partial<Record<keyof Settings, string>> = {
  host:
    "With the default only this machine can connect, which is safe for development. Choose 0.0.0.0 (IPv4), :: (IPv6, on most systems IPv4 too) or the address of one interface to let others in.",
  port:
    "Ports below 1024 need root or the capability CAP_NET_BIND_SERVICE. With 0 the banner and the log tell which port it became.",
  listen:
    'For several addresses. In a configuration file: listen = ["127.0.0.1:8000", "unix:/run/site.sock"].',
  workers:
    "Workers are threads of one process, each with its own copy of the app, and share the address. Use as many as there are cores to use. Apps that keep state in memory have one state per worker. TTIN and TTOU change the number while the server runs.",
  maxRequests:
    "Against slow memory growth: a worker that has handled this many requests finishes what it is doing and is replaced. A single process ignores it.",
  maxConnections:
    "Prevents running out of file descriptors. If you see 503 under load, raise the limit of open files (ulimit -n) or this number; if memory is short, lower it. The limit is per worker: --workers 4 --max-connections 100 allows 400 in all. Refused clients are told to retry after 5 seconds.",
  maxBodySize:
    "Raise it for uploads; 50 to 100 MB is common. Behind a proxy with a limit of its own, 0 leaves it to the proxy.",
  maxReceiveQueue:
    "Protects memory from clients that send faster than the app receives. It counts messages, not bytes: a connection may hold about this number times the size of a message. Lower it to 100 to 500 if handling a message is slow.",
  maxWsFrameSize:
    "Enough for chat; raise it to 1 to 16 MB for files sent over WebSockets. Each connection may buffer up to this many bytes.",
  timeout:
    "Not given, it only closes connections that are idle or too slow to send. Given, the app also has to start its response within this time, or the client gets 503.",
  shutdownTimeout:
    "After it, requests that still run are cut off. A second TERM or INT does not wait for it.",
  user:
    "For ports below 1024: start as root, and the server binds the address, opens its files and then runs as USER. Linux only.",
  reuseport:
    "Linux spreads connections over the workers that have bound an address. Other systems do not, so there a single process serves.",
  env:
    "In development apps are checked against the protocol, and errors are shown to the client. Use production if others can connect.",
  envFile:
    "Lines of NAME=value. Variables of the environment win, and so do files named earlier. PAGI_ variables in it set options.",
  config:
    "See --help configuration-file. --print-config turns a command line into such a file, and --check tests it.",
  allowedHosts:
    "Protects what is served on this machine from web pages that point their own host name at it (DNS rebinding). In development and for directories on a loopback address the default is loopback.",
  proxyHeaders:
    "Only behind a proxy that sets these fields itself: otherwise any client can claim any address. --trusted-proxies says which proxies are believed.",
  sslCert:
    "Certificate first, then its issuers, in one PEM file. After a renewal, HUP loads it without a restart.",
  daemonize:
    "Errors at the start, including a taken port, are still reported by the command. Give --log-file and --access-log, since there is no terminal to print to.",
  pid: "For scripts: kill $(cat FILE) stops the server.",
  noAccessLog:
    "Saves 5 to 15 % of the time of small responses. Useful if a proxy in front writes one.",
  lib:
    "As perl -I: My::App is looked for as My/App.ts, My/App.js and My/App.mjs.",
};

/** The details of the option called `name`, if there is more to say. */
export function optionDetails(name: string): string | undefined {
  const key = KEYS.find((key) => longName(key) === name);
  return key && DETAILS[key];
}

/**
 * The help on a word: an option by any of its names, or a heading of `--help`,
 * whole or by its first word.
 *
 * @throws {OptionError} When there is no such topic.
 */
export function topicHelp(word: string, width: number): string {
  const name = LONG_NAMES.get(word.replace(/^--?/, ""));
  if (name !== undefined) return optionHelp(name, width);
  const topics = sections(width);
  const wanted = word.toLowerCase().replace(/[-_]/g, " ");
  const found = topics.find(([heading]) => heading.toLowerCase() === wanted) ??
    topics.find(([heading]) =>
      heading.toLowerCase().split(" ").some((part) =>
        part === wanted || part === `${wanted}s`
      )
    );
  if (found !== undefined) return `${found[0]}:\n${found[1]}`;
  const names = topics.map(([heading]) => topicName(heading));
  const hint = didYouMean(word.replace(/^--?/, ""), [
    ...LONG_NAMES.keys(),
    ...names,
  ]);
  throw new OptionError(
    `there is no help on ${quote(word)}${hint}; topics: ${
      names.join(", ")
    }, or any option`,
  );
}

/** The name of the topic `Behind a proxy`: `behind-a-proxy`. */
function topicName(heading: string): string {
  return heading.replace(/ \(.*| in .*/, "").toLowerCase().replaceAll(" ", "-");
}

/** All there is to say about one option. */
function optionHelp(name: string, width: number): string {
  const option = NAMED.get(name)!;
  const key = KEYS.find((key) => longName(key) === name);
  const names = optionNames(name, option).join(", ");
  const one = option.type.item ?? option.type;
  const rows: [string, string][] = [];
  if (!isFlag(option)) rows.push(["Value", one.allowed]);
  const shown = withDefault("", option.default).replace(
    /^ \(default: |\)$/g,
    "",
  );
  if (!isFlag(option) && shown !== "") rows.push(["Default", shown]);
  if (key !== undefined) {
    rows.push(["Environment", environmentName(key)]);
    if (key !== "config" && key !== "noConfig") {
      rows.push(["Configuration file", name]);
    }
    const others = KEYS.filter((other) =>
      OPTIONS[key].conflictsWith?.includes(other) ||
      OPTIONS[other].conflictsWith?.includes(key)
    ).map((other) => dashed(longName(other)));
    if (others.length > 0) rows.push(["Not together with", others.join(", ")]);
  }
  const details = optionDetails(name);
  return [
    `${names} ${optionPlaceholder(option)}`.trimEnd() + "\n",
    paragraph(`${option.help}.`, width),
    ...details === undefined ? [] : [paragraph(details, width)],
    ...rows.length === 0 ? [] : [columns(rows, 22, width)],
  ].join("\n");
}
