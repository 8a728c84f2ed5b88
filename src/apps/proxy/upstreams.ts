/**
 * The targets: idle connections, health, and which one gets a request.
 *
 * @module
 */

import { ClientGone, type DisconnectWatch } from "../disconnect.ts";
import {
  ConnectError,
  type ConnectSettings,
  UpstreamConnection,
  UpstreamError,
} from "./connection.ts";
import type { RequestBody } from "./request_body.ts";
import {
  readResponseHead,
  ResponseBody,
  type ResponseHead,
} from "./response.ts";
import type { Target } from "./target.ts";
import { formatRequestHead, type UpstreamRequest } from "./upstream_request.ts";
import { fieldValue } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import { type Timer, unref } from "../../std/timer.ts";

/** Idle connections that are kept to each target. */
const MAX_IDLE = 256;
/**
 * Seconds until an idle connection is closed; most servers close theirs after 5
 * or more.
 */
const IDLE_SECONDS = 4;
/**
 * Seconds of idleness after which a connection is not used for a request that
 * must not be repeated: the target may be closing it, and the proxy could not
 * tell whether the request was processed (RFC 9112, 9.3.1).
 */
const FRESH_SECONDS = 1;

interface IdleConnection {
  readonly connection: UpstreamConnection;
  readonly since: number;
  readonly timer: Timer;
}

/** Statuses of answers that only name another address. */
function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 307 || status === 308;
}

/** A target, the idle connections to it, and whether it works. */
export class Upstream {
  #idle: IdleConnection[] = [];
  #downUntil = 0;
  #failing = false;
  #closed = false;
  /** The start page is at the base path without a slash at its end. */
  #bareStart = false;

  /** @param failTimeout Seconds of rest after a failure. */
  constructor(
    readonly target: Target,
    readonly settings: ConnectSettings,
    readonly failTimeout: number,
  ) {}

  /** True for some time after a failure. */
  get isDown(): boolean {
    return performance.now() < this.#downUntil;
  }

  /** The path that `request` has at this target. */
  pathOf({ path, isStart }: UpstreamRequest): string {
    const { basePath } = this.target;
    return basePath + (isStart && this.#bareStart ? "" : path) || "/";
  }

  /**
   * Learns from a response to the start page whether this target wants the base
   * path with a slash or without one. True where it redirects to the other of
   * the two: the client has one address for both, and would be redirected for
   * ever.
   */
  learnsStart(request: UpstreamRequest, head: ResponseHead): boolean {
    const { basePath } = this.target;
    if (!request.isStart || basePath === "" || !isRedirect(head.status)) {
      return false;
    }
    const location = (fieldValue(head.headers, "location") ?? "")
      .replace(/^(?:https?:)?\/\/[^/?#]*/i, "");
    const isBare = location === basePath + request.query;
    if (!isBare && location !== `${basePath}/${request.query}`) return false;
    const isOther = isBare !== this.#bareStart;
    this.#bareStart = isBare;
    return isOther;
  }

  /** Avoids this target for a while; logs the first of several failures. */
  markFailed(error: UpstreamError): void {
    if (!this.#failing) {
      const { message, cause } = error;
      log.warn(cause === undefined ? message : `${message} ${cause}`);
    }
    this.#failing = true;
    this.#downUntil = performance.now() + this.failTimeout * 1000;
  }

  /** It answered. */
  markHealthy(): void {
    if (this.#failing) log.info(`${this.target.url} answers again.`);
    this.#failing = false;
    this.#downUntil = 0;
  }

  /**
   * A connection for one request, an idle one where `reuse` allows it.
   *
   * @throws {UpstreamError} When the target cannot be reached.
   */
  async connect(
    reuse: "any" | "fresh" | "none",
  ): Promise<UpstreamConnection> {
    if (reuse !== "none") {
      const maxAge = reuse === "any" ? IDLE_SECONDS : FRESH_SECONDS;
      const oldest = performance.now() - maxAge * 1000;
      // The last one used is the first to be used again.
      const last = this.#idle.at(-1);
      if (last !== undefined && last.since >= oldest) {
        this.#idle.pop();
        clearTimeout(last.timer);
        last.connection.wake();
        return last.connection;
      }
    }
    return await UpstreamConnection.open(this.target, this.settings);
  }

  /** Keeps a connection whose answer has been read to its end. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= MAX_IDLE) {
      return connection.close();
    }
    const drop = (): void => {
      const at = this.#idle.findIndex((idle) => idle.connection === connection);
      if (at < 0) return;
      clearTimeout(this.#idle[at].timer);
      this.#idle.splice(at, 1);
      connection.close();
    };
    this.#idle.push({
      connection,
      since: performance.now(),
      timer: unref(setTimeout(drop, IDLE_SECONDS * 1000)),
    });
    connection.rest(drop);
  }

  /** Closes all idle connections, and those in use when they become idle. */
  close(): void {
    this.#closed = true;
    for (const { connection, timer } of this.#idle) {
      clearTimeout(timer);
      connection.close();
    }
    this.#idle = [];
  }
}

/** How long a target may take, in seconds; 0 means no limit. */
export interface Limits {
  /** From the end of the request to the head of the response. */
  readonly firstByteTimeout: number;
  /** The longest pause in a body. */
  readonly idleTimeout: number;
}

/** What a target is asked. */
interface ProxyRequest {
  readonly request: UpstreamRequest;
  readonly body: RequestBody;
  /** True where asking twice does no harm, and is possible. */
  readonly repeatable: boolean;
  /** True where 101 is a response. */
  readonly upgrade: boolean;
}

/** What a target answered; the body is still to be read. */
export interface UpstreamResponse {
  readonly upstream: Upstream;
  readonly connection: UpstreamConnection;
  readonly head: ResponseHead;
  readonly body: ResponseBody;
  /** Tells whether the target has been sent the whole request. */
  readonly requestSent: () => boolean;
}

/**
 * Sends a request and reads the head of the response; the request's body goes on
 * meanwhile, and afterwards where the target answers early. On failure the
 * connection is closed.
 *
 * @throws {UpstreamError} When the target fails.
 * @throws {ClientGone} When the client leaves.
 */
async function roundTrip(
  upstream: Upstream,
  connection: UpstreamConnection,
  proxyRequest: ProxyRequest,
  client: DisconnectWatch,
  limits: Limits,
): Promise<UpstreamResponse> {
  const { request, body, upgrade } = proxyRequest;
  client.onDisconnect(() => connection.fail(new ClientGone()));
  let sent = false;
  let responseStarted = false;
  let timer: Timer | undefined;
  const awaitHead = (): void => {
    if (responseStarted) return;
    timer = connection.expect(limits.firstByteTimeout, "gave no answer");
  };
  try {
    if (client.disconnected) throw new ClientGone();
    const head = formatRequestHead(
      request,
      upstream.target,
      upstream.pathOf(request),
      body.framing,
    );
    send(connection, head, body, limits.idleTimeout).then(() => {
      sent = true;
      awaitHead();
    }, (error) => {
      // A target that takes no more may have answered all the same.
      if (error instanceof UpstreamError) awaitHead();
      else connection.fail(error);
    });
    const response = await readResponseHead(connection);
    if (response.status === 101 && !upgrade) {
      throw new UpstreamError(502, `${connection.url} changed the protocol.`);
    }
    return {
      upstream,
      connection,
      head: response,
      body: new ResponseBody(connection, response, request.method),
      requestSent: () => sent,
    };
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    responseStarted = true;
    clearTimeout(timer);
  }
}

async function send(
  connection: UpstreamConnection,
  head: string,
  { first, rest }: RequestBody,
  idleTimeout: number,
): Promise<void> {
  const bytes = new Uint8Array(head.length + first.byteLength);
  for (let i = 0; i < head.length; i++) bytes[i] = head.charCodeAt(i);
  bytes.set(first, head.length);
  await connection.write(bytes, idleTimeout);
  if (rest === null) return;
  for await (const chunk of rest()) await connection.write(chunk, idleTimeout);
}

/** The targets in turn. */
export class Upstreams {
  readonly #targets: readonly Target[];
  readonly #limits: Limits;
  #next = 0;

  constructor(readonly all: readonly Upstream[], limits: Limits) {
    this.#targets = all.map(({ target }) => target);
    this.#limits = limits;
  }

  /** All that requests may go to. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** Closes the connections that lie idle. */
  close(): void {
    for (const upstream of this.all) upstream.close();
  }

  /**
   * Asks the target whose turn it is, and the next one where nothing had been
   * sent yet, or where the request may be made twice and the response broke off
   * before its beginning.
   *
   * @throws {UpstreamError} When no target answers.
   * @throws {ClientGone} When the client leaves.
   */
  async request(
    proxyRequest: ProxyRequest,
    client: DisconnectWatch,
  ): Promise<UpstreamResponse> {
    let failure: unknown;
    for (const upstream of this.#inTurn()) {
      try {
        let response = await this.#askOne(upstream, proxyRequest, client);
        if (
          proxyRequest.repeatable &&
          upstream.learnsStart(proxyRequest.request, response.head)
        ) {
          response.connection.close();
          response = await this.#askOne(upstream, proxyRequest, client);
        }
        upstream.markHealthy();
        return response;
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.status === 503) {
          throw error;
        }
        upstream.markFailed(error);
        failure = error;
        const again = error instanceof ConnectError ||
          proxyRequest.repeatable && error.status === 502;
        if (!again) break;
      }
    }
    throw failure;
  }

  /** All targets, the resting ones last. */
  #inTurn(): Upstream[] {
    const first = this.#next++ % this.all.length;
    const turn = [...this.all.slice(first), ...this.all.slice(0, first)];
    return [
      ...turn.filter((upstream) => !upstream.isDown),
      ...turn.filter((upstream) => upstream.isDown),
    ];
  }

  async #askOne(
    upstream: Upstream,
    proxyRequest: ProxyRequest,
    client: DisconnectWatch,
  ): Promise<UpstreamResponse> {
    const { repeatable } = proxyRequest;
    const connection = await upstream.connect(repeatable ? "any" : "fresh");
    try {
      return await roundTrip(
        upstream,
        connection,
        proxyRequest,
        client,
        this.#limits,
      );
    } catch (error) {
      // The target may have closed an idle connection just now.
      const stale = connection.reused && !connection.responseStarted &&
        error instanceof UpstreamError && error.status === 502;
      if (!stale || !repeatable) throw error;
    }
    return await roundTrip(
      upstream,
      await upstream.connect("none"),
      proxyRequest,
      client,
      this.#limits,
    );
  }
}
