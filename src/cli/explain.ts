/**
 * `--explain`: what would answer a request, and by which rules, without running
 * the handler.
 *
 * The request is sent over a socket to a temporary server with the same settings,
 * so that the server's own code refuses it or makes the scope.
 */

import {
  type ConnectionScope,
  explainApp,
  type Explanation,
  indented,
} from "../apps/explain.ts";
import { bracketed } from "../http/addresses.ts";
import { loadApp } from "../loader/load_app.ts";
import { configureLog } from "../log/log.ts";
import type { CommandLine } from "../options/command_line.ts";
import type { Key } from "../options/names.ts";
import { visible } from "../options/option_error.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { longName, OPTIONS } from "../options/table.ts";
import type { AskedRequest, HeaderField } from "../options/value_types.ts";
import type { PagiApp, SendEvent } from "../pagi/types.ts";
import { startInProject } from "../process/start_in_project.ts";
import { listenAddresses } from "../server/listen_address.ts";
import { Server } from "../server/server.ts";
import { appRequest, isExpected, withModeDefaults } from "./start.ts";
import { EXIT, print, printError } from "./terminal.ts";

/** Longest wait for an answer, in milliseconds. */
const ANSWER_MS = 30_000;

/** Explains each request that the command line names; yields the exit code. */
export async function explainRequests(line: CommandLine): Promise<number> {
  await startInProject(appRequest(line));
  const { settings } = withModeDefaults(line);
  configureLog({ level: settings.logLevel === "debug" ? "debug" : "error" });
  try {
    const { app } = await loadApp(appRequest(line));
    for (const request of line.requests) {
      const lines = await explainRequest(app, settings, request, line.fields);
      print(`${lines.map(visible).join("\n")}\n\n`);
    }
    return EXIT.ok;
  } catch (error) {
    if (!isExpected(error)) throw error;
    printError(`pagi-server: ${error.message}\n`);
    return EXIT.failure;
  }
}

/**
 * Explains one request in lines.
 *
 * @throws {ListenError} When this machine has not the server's address.
 */
export async function explainRequest(
  app: PagiApp,
  settings: ResolvedSettings,
  { method, target }: AskedRequest,
  given: readonly HeaderField[] = [],
): Promise<string[]> {
  const [address] = listenAddresses(settings);
  const secure = settings.sslCert !== null || settings.sslSelfSigned;
  const [host, port] = "path" in address
    ? ["127.0.0.1", null]
    : [address.host, address.port];
  let explained: [ConnectionScope, Explanation] | null = null;
  const server = new Server(
    async (scope, _receive, send) => {
      if (scope.type === "lifespan") throw new TypeError("not served");
      const scheme = scope.type === "websocket" ? "ws" : "http";
      const asked = {
        ...scope,
        scheme: secure && settings.proxyHeaders === false
          ? `${scheme}s`
          : scope.scheme,
        server: "path" in address ? [address.path, null] : [host, port],
      } as ConnectionScope;
      explained = [asked, await explainApp(app, asked)];
      // A plain response in place of a stream or WebSocket.
      const kind = scope.type === "http" ? "" : `${scope.type}.`;
      await send(
        { type: `${kind}http.response.start`, status: 200 } as SendEvent,
      );
      await send({ type: `${kind}http.response.body` } as SendEvent);
    },
    {
      ...settings,
      // The temporary server is at a loopback address, the real one may not be.
      allowedHosts: secure || port === null
        ? settings.allowedHosts.filter((name) => name !== "loopback")
        : settings.allowedHosts,
      lifespan: "off",
      noAccessLog: true,
      sslCert: null,
      sslKey: null,
      sslSelfSigned: false,
    },
  );
  await server.start([{ host, port: 0 }]);
  try {
    const [bound] = server.addresses as { host: string; port: number }[];
    const fields = requestFields(target, given, host, port);
    const answer = await ask(bound, method, target, fields);
    const lines = explained === null
      ? [`refused by the server, before any app: ${answer}`]
      : [...scopeLines(explained[0]), ...(explained[1] as Explanation).lines];
    return [
      `${method} ${target}`,
      ...indented([...lines, ...limitLines(explained?.[0] ?? null, settings)]),
    ];
  } finally {
    await server.stop();
  }
}

/** The fields of a request, with those that it needs to be one. */
function requestFields(
  target: string,
  given: readonly HeaderField[],
  host: string,
  port: number | null,
): HeaderField[] {
  const has = (name: string) =>
    given.some(([other]) => other.toLowerCase() === name);
  const fields = [...given];
  const url = /^(?:https?|wss?):\/\/([^/?]+)/i.exec(target);
  const name = /^(?:0\.0\.0\.0|::)$/.test(host) ? "localhost" : host;
  if (!has("host")) {
    const own = port === null || port === 80 ? "" : `:${port}`;
    fields.unshift(["host", url?.[1] ?? bracketed(name) + own]);
  }
  const upgrades = /^wss?:/i.test(target) ||
    given.some(([name, value]) =>
      /^upgrade$/i.test(name) && /websocket/i.test(value)
    );
  if (!upgrades) {
    return has("connection") ? fields : [...fields, ["connection", "close"]];
  }
  const handshake: HeaderField[] = [
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", btoa("0123456789abcdef")],
  ];
  return [...fields, ...handshake.filter(([name]) => !has(name))];
}

/** Sends a request; yields the status and the text of a refusal. */
async function ask(
  { host, port }: { host: string; port: number },
  method: string,
  target: string,
  fields: readonly HeaderField[],
): Promise<string> {
  const hostname = host === "0.0.0.0"
    ? "127.0.0.1"
    : host === "::"
    ? "::1"
    : host;
  using connection = await Deno.connect({ hostname, port });
  const path = target.replace(/^(?:https?|wss?):\/\/[^/?]+/i, "");
  const head = [
    `${method} ${path.startsWith("/") ? path : `/${path}`} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ].join("\r\n");
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${head}\r\n\r\n`));
  const timer = setTimeout(() => connection.close(), ANSWER_MS);
  let text = "";
  try {
    for await (
      const chunk of connection.readable.pipeThrough(new TextDecoderStream())
    ) {
      text += chunk;
      if (text.includes("\r\n\r\n")) break;
    }
  } finally {
    clearTimeout(timer);
  }
  const [start, body = ""] = text.split("\r\n\r\n");
  return `${start.split(" ")[1]} ${body.trim()}`.trim();
}

/** The scope of the request, and why it has that type. */
function scopeLines(
  { type, headers, scheme, client, root_path }: ConnectionScope,
): string[] {
  const field = (name: string) =>
    headers.find(([other]) => other === name)?.[1];
  const why = type === "sse"
    ? ", by accept: text/event-stream"
    : type === "websocket"
    ? ", by upgrade: websocket"
    : "";
  return [
    `scope ${type}${why}; scheme ${scheme}, host ${field("host")}, client ${
      client?.[0] ?? "none"
    }${root_path && `, root path ${root_path}`}`,
  ];
}

/** The limits and timeouts of all requests, and those of one scope. */
const LIMITS: readonly Key[] = [
  "maxConnections",
  "maxHeaderSize",
  "maxHeaderCount",
  "timeout",
];
const LIMITS_OF: Readonly<Record<ConnectionScope["type"], readonly Key[]>> = {
  http: ["maxBodySize", "requestTimeout"],
  sse: ["maxBodySize", "sseIdleTimeout"],
  websocket: ["maxWsFrameSize", "maxReceiveQueue", "wsIdleTimeout"],
};

function limitLines(
  scope: ConnectionScope | null,
  settings: ResolvedSettings,
): string[] {
  const keys = [...LIMITS, ...scope === null ? [] : LIMITS_OF[scope.type]];
  return [
    "limits:",
    ...keys.map((key) =>
      `  --${longName(key)} ${settings[key]}: ${OPTIONS[key].help}`
    ),
  ];
}
