/** What all requests of one worker, and of one listener, share. */

import { BODY_READS } from "../engine/request.ts";
import { RESPONSE_PARTS } from "../engine/response.ts";
import { WATCHED_READS } from "../engine/stream.ts";
import { engineUpgrade } from "../engine/upgrade.ts";
import { type DirectHandler, directOf } from "../pagi/fetch.ts";
import { type FindReady, readyAnswersOf } from "../pagi/ready_answers.ts";
import type {
  Extensions,
  PagiApp,
  PagiInfo,
  State,
  TlsInfo,
} from "../pagi/types.ts";
import type { Fields } from "../http/headers.ts";
import type { RequestCounters } from "../metrics/counters.ts";
import type { Settings } from "../options/settings.ts";
import { addressName, type SocketAddress } from "../guard/address.ts";
import type { Guard } from "../guard/guard.ts";
import {
  compileAllowedHosts,
  type HostCheck,
} from "./request/allowed_hosts.ts";
import type { AccessLog } from "./access_log.ts";
import type { InFlight, StopCause } from "./in_flight.ts";
import type { DeadlineSet } from "../std/timer.ts";
import { Http2Connections } from "./http2_connection.ts";
import { PlainHeads } from "./request/plain_head.ts";
import {
  compileProxyHeaders,
  type FindClient,
} from "./request/proxy_headers.ts";
import { withAddedFields } from "./response/headers.ts";
import type { StalledResponses } from "./stalled_responses.ts";
import type { Watermarks } from "./response/transport_state.ts";

/** The version of the protocol (PAGI.md 8, item 2). */
export const PAGI: PagiInfo = Object.freeze({
  version: "0.3",
  spec_version: "0.3",
});

/** One worker's server, as its requests see it. */
export interface WorkerContext {
  readonly app: PagiApp;
  readonly settings: Settings;
  readonly marks: Watermarks;
  /** The state that the lifespan scope has filled; null without lifespan. */
  readonly state: State | null;
  readonly inFlight: InFlight;
  readonly guard: Guard | null;
  /** Null where nothing is logged. */
  readonly accessLog: AccessLog | null;
  /** Null without `--metrics`. */
  readonly counters: RequestCounters | null;
  /** Milliseconds since 1970, in the precision of the access log. */
  now(): number;
  /** Bounds the pause between two parts of a request body. */
  readonly stalls: DeadlineSet;
  /** Bounds the time to the start of a response. */
  readonly starts: DeadlineSet;
  /** Bounds the time in which a client takes nothing of a response. */
  readonly stalled: StalledResponses;
  /** Requests until `--max-requests` is reached. */
  requestsLeft: number;
  /** Called when it is. */
  onMaxRequests(): void;
  /** Closes idle connections after accepting failed; returns how many. */
  evictIdle(): Promise<number>;
  /** True when other workers may listen at the same addresses. */
  readonly shared: boolean;
  /** True when this process replaces one that listens at the same Unix sockets. */
  readonly takesOver: boolean;
  /**
   * Time since which HTTP/1.1 responses have `connection: close`, because the
   * server stops (ms, `performance.now()`); null before. Set by the server, as
   * is `draining`.
   */
  leavingSince: number | null;
  /** Why the server is stopping; null while it is not. */
  draining: StopCause | null;
}

/** One address, as its requests see it. */
export interface ListenerContext {
  readonly worker: WorkerContext;
  readonly secure: boolean;
  /** Null where no proxy is trusted. */
  readonly findClient: FindClient | null;
  /** Null where requests may name any host. */
  readonly checkHost: HostCheck | null;
  /** Fields for responses that lack them; null where there are none. */
  readonly addedHeaders: Fields | null;
  /** Host and port, or path and null. */
  readonly server: [host: string, port: number | null];
  /** The address as it was bound: part of its connections' names. */
  readonly name: string;
  /** Its connections by HTTP/2. */
  readonly http2: Http2Connections;
  readonly httpExtensions: Extensions;
  readonly webSocketExtensions: Extensions;
  /** Makes a WebSocket of a request. */
  readonly upgrade: Upgrade;
  /** The handler of the app, where requests go to it without a scope. */
  readonly direct: DirectHandler | null;
  /**
   * Decides which requests go to `direct` before their head is read; null where
   * every head has to be read first.
   */
  readonly plainHeads: PlainHeads | null;
  /** Finds answers that the app keeps ready; null if it keeps none. */
  readonly findReady: FindReady | null;
}

/** `Deno.upgradeWebSocket`, or its stand-in in tests without sockets. */
export type Upgrade = (
  request: Request,
  options: Deno.UpgradeWebSocketOptions,
) => Deno.WebSocketUpgrade;

/**
 * Makes the context of one address of `worker`.
 *
 * @param certificate PEM; null without TLS.
 * @param bound The socket's address; null without a socket.
 */
export function listenerContext(
  worker: WorkerContext,
  server: [host: string, port: number | null],
  certificate: string | null,
  bound: SocketAddress | null,
  upgrade: Upgrade = engineUpgrade,
): ListenerContext {
  const tls = certificate === null ? {} : { tls: tlsInfo(certificate) };
  const { header } = worker.settings;
  const name = bound === null ? "" : addressName(bound);
  const secure = certificate !== null;
  const findClient = compileProxyHeaders(worker.settings);
  const addedHeaders = header.length > 0 ? header : null;
  // Requests of a test are not the engine's.
  const isDirect = bound !== null && BODY_READS.isOpen &&
    RESPONSE_PARTS.isOpen && WATCHED_READS.isOpen;
  const direct = isDirect ? directOf(worker.app) : null;
  return {
    worker,
    secure,
    findClient,
    checkHost: compileAllowedHosts(worker.settings, {
      host: server[0],
      address: bound !== null && "hostname" in bound ? bound.hostname : null,
      secure,
    }),
    addedHeaders,
    server,
    name,
    http2: new Http2Connections(worker.guard, name),
    httpExtensions: Object.freeze(tls),
    webSocketExtensions: Object.freeze({
      ...tls,
      "websocket.http.response": Object.freeze({}),
    }),
    upgrade,
    direct,
    plainHeads: direct !== null && findClient === null &&
        addedHeaders === null && worker.accessLog === null &&
        server[1] !== null
      ? new PlainHeads(worker.settings, secure)
      : null,
    findReady: bound &&
      withAddedFields(readyAnswersOf(worker.app), addedHeaders),
  };
}

/** The TLS extension of scopes; the engine does not expose the handshake. */
function tlsInfo(certificate: string): TlsInfo {
  return {
    server_cert: certificate,
    client_cert_chain: [],
    client_cert_name: null,
    client_cert_error: null,
    tls_version: null,
    cipher_suite: null,
  };
}
