/** The targets: idle connections, health, and the choice for each request. */

import type { HeaderList } from "../../pagi/types.ts";
import { ClientGone, type DisconnectWatch } from "../disconnect.ts";
import {
  ConnectError,
  type ConnectSettings,
  UpstreamConnection,
  UpstreamError,
} from "./connection.ts";
import type { RequestBody } from "./request_body.ts";
import { ResponseBody, type ResponseHead, ResponseHeads } from "./response.ts";
import type { Target } from "./target.ts";
import { formatRequestHead, type UpstreamRequest } from "./upstream_request.ts";
import { fieldValue } from "../../http/headers.ts";
import { log } from "../../log/log.ts";
import {
  endClientSpan,
  isTracing,
  type Span,
  startClientSpan,
  traceError,
  traceParent,
} from "../../metrics/tracing.ts";
import { showUpstream, type UpstreamState } from "../../metrics/upstreams.ts";
import { TimeoutSweep } from "./timeout_sweep.ts";

/** Maximum idle connections per target. */
const MAX_IDLE = 256;
/** Seconds until an idle connection is closed; most servers wait 5 or more. */
const IDLE_SECONDS = 4;
/**
 * Seconds of idleness after which a connection is not used for a request that
 * must not be repeated: the target may be closing it, and the proxy could not
 * tell whether the request was processed (RFC 9112, 9.3.1).
 */
const FRESH_SECONDS = 1;

const REDIRECTS: readonly number[] = [301, 302, 307, 308];

/** A target, its idle connections, and its health. */
export class Upstream {
  readonly #timeouts = new TimeoutSweep();
  readonly heads = new ResponseHeads();
  #idle: UpstreamConnection[] = [];
  #downUntil = 0;
  #failing = false;
  #closed = false;
  /** For metrics. */
  #open = 0;
  #requests = 0;
  #failures = 0;
  readonly #hide: () => void = showUpstream(this);
  /** True when the start page is the base path without a final slash. */
  #bareStart = false;

  /** @param failTimeout Seconds for which a target is down after a failure. */
  constructor(
    readonly target: Target,
    readonly settings: ConnectSettings,
    readonly failTimeout: number,
  ) {}

  get state(): UpstreamState {
    return {
      target: this.target.url,
      up: !this.isDown,
      idle: this.#idle.length,
      active: this.#open - this.#idle.length,
      requests: this.#requests,
      failures: this.#failures,
    };
  }

  get isDown(): boolean {
    return this.#downUntil > 0 && performance.now() < this.#downUntil;
  }

  /** The path of `request` at this target. */
  pathOf({ path, isStart }: UpstreamRequest): string {
    const { basePath } = this.target;
    return basePath + (isStart && this.#bareStart ? "" : path) || "/";
  }

  /**
   * Learns from a redirect of the start page whether the base path should end
   * with a slash. True when the request should be repeated with the other form:
   * both are one address for the client, which would be redirected for ever.
   */
  learnsStart(
    request: UpstreamRequest,
    { status, headers }: ResponseHead,
  ): boolean {
    const { basePath } = this.target;
    if (
      !request.isStart || basePath === "" || !REDIRECTS.includes(status)
    ) return false;
    const location = (fieldValue(headers, "location") ?? "")
      .replace(/^(?:https?:)?\/\/[^/?#]*/i, "");
    const isBare = location === basePath + request.query;
    if (!isBare && location !== `${basePath}/${request.query}`) return false;
    const isOther = isBare !== this.#bareStart;
    this.#bareStart = isBare;
    return isOther;
  }

  /** Marks the target as down; logs the first of several failures. */
  markFailed(error: UpstreamError): void {
    if (!this.#failing) {
      const { message, cause } = error;
      log.warn(cause === undefined ? message : `${message} ${cause}`);
    }
    this.#failing = true;
    this.#failures++;
    this.#downUntil = performance.now() + this.failTimeout * 1000;
  }

  markHealthy(): void {
    if (this.#failing) log.info(`${this.target.url} answers again.`);
    this.#failing = false;
    this.#downUntil = 0;
  }

  /**
   * The connection that was used last, if it is idle: the target is the least
   * likely to be closing it. Null without one, or where it has to be fresh and
   * is not.
   */
  takeIdle(mustBeFresh: boolean): UpstreamConnection | null {
    const last = this.#idle.at(-1);
    if (last === undefined) return null;
    const age = mustBeFresh ? performance.now() - last.idleSince : 0;
    if (age > FRESH_SECONDS * 1000) return null;
    this.#idle.pop();
    last.setBusy();
    return last;
  }

  /** @throws {UpstreamError} When the target cannot be reached. */
  async connect(): Promise<UpstreamConnection> {
    const opened = await UpstreamConnection.open(
      this.target,
      this.settings,
      this.#timeouts,
    );
    this.#open++;
    opened.onClose = () => this.#open--;
    return opened;
  }

  /** Counts a request, for metrics. */
  countRequest(): void {
    this.#requests++;
  }

  /** Keeps a connection whose response has been read to its end. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= MAX_IDLE) {
      return connection.close();
    }
    this.#idle.push(connection);
    connection.setIdle(IDLE_SECONDS, this.#drop);
  }

  /** Closes an idle connection. */
  readonly #drop = (connection: UpstreamConnection): void => {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.close();
  };

  /** Closes idle connections now, and others when they become idle. */
  close(): void {
    this.#closed = true;
    this.#hide();
    for (const connection of this.#idle) connection.close();
    this.#idle = [];
  }
}

/** Timeouts in seconds; 0 means no limit. */
export interface Limits {
  /** From the end of the request to the head of the response. */
  readonly firstByteTimeout: number;
  /** The longest pause in a body. */
  readonly idleTimeout: number;
}

interface ProxyRequest {
  readonly request: UpstreamRequest;
  readonly body: RequestBody;
  /** True when it may and can be sent twice. */
  readonly repeatable: boolean;
  /** True when the response may be 101. */
  readonly upgrade: boolean;
}

/** A response whose body is still to be read. */
export interface UpstreamResponse {
  readonly upstream: Upstream;
  readonly connection: UpstreamConnection;
  readonly head: ResponseHead;
  readonly body: ResponseBody;
  /** Whether the whole request has been sent. */
  readonly requestSent: () => boolean;
}

/**
 * Sends a request and reads the head of the response, while the request's body
 * is still being sent. Closes the connection on failure.
 *
 * @param reuse Whether an idle connection may be used.
 * @throws {UpstreamError} When the target fails.
 * @throws {ClientGone} When the client leaves.
 */
async function roundTrip(
  upstream: Upstream,
  proxyRequest: ProxyRequest,
  client: DisconnectWatch,
  limits: Limits,
  reuse: boolean,
): Promise<UpstreamResponse> {
  const { request, body, upgrade, repeatable } = proxyRequest;
  upstream.countRequest();
  const idle = reuse ? upstream.takeIdle(!repeatable) : null;
  const connection = idle ?? await upstream.connect();
  client.onDisconnect(() => connection.fail(new ClientGone()));
  let sent = false;
  let responseStarted = false;
  const awaitHead = (): void => {
    if (!responseStarted) connection.expectAnswer(limits.firstByteTimeout);
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
      // A target that stops reading may still respond.
      if (error instanceof UpstreamError) awaitHead();
      else connection.fail(error);
    });
    let response;
    while ((response = upstream.heads.take(connection)) === null) {
      if (await connection.fill(0)) continue;
      throw new UpstreamError(
        502,
        `${connection.url} closed the connection without an answer.`,
      );
    }
    if (response.status === 101 && !upgrade) {
      throw new UpstreamError(
        502,
        `${connection.url} switched protocols without being asked.`,
      );
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
    // The target may have closed the idle connection just now.
    const isStale = idle !== null && !connection.responseStarted &&
      error instanceof UpstreamError && error.status === 502;
    if (!isStale || !repeatable) throw error;
  } finally {
    responseStarted = true;
    connection.answered();
  }
  return await roundTrip(upstream, proxyRequest, client, limits, false);
}

/** The span of a request to a target; null where nothing is traced. */
function spanOf(
  upstream: Upstream,
  { request }: ProxyRequest,
): Span | null {
  if (!isTracing) return null;
  const { url, basePath, hostname, port, socket } = upstream.target;
  const path = upstream.pathOf(request).slice(basePath.length);
  return startClientSpan({
    method: request.method,
    url: url + path + request.query,
    host: socket ?? hostname,
    port,
  });
}

/** The request as a part of a span: the target's own span becomes its child. */
function within(span: Span, proxyRequest: ProxyRequest): ProxyRequest {
  const { request } = proxyRequest;
  const others = request.headers
    .filter(([name]) => name.toLowerCase() !== "traceparent");
  const headers: HeaderList = [...others, ["traceparent", traceParent(span)]];
  return { ...proxyRequest, request: { ...request, headers } };
}

function send(
  connection: UpstreamConnection,
  head: string,
  { first, rest }: RequestBody,
  idleTimeout: number,
): Promise<void> {
  const written = connection.writeHead(head, first, idleTimeout);
  return rest === null
    ? written
    : sendRest(connection, written, rest(), idleTimeout);
}

async function sendRest(
  connection: UpstreamConnection,
  head: Promise<void>,
  rest: AsyncIterable<Uint8Array>,
  idleTimeout: number,
): Promise<void> {
  await head;
  for await (const chunk of rest) await connection.write(chunk, idleTimeout);
}

/** Distributes requests to the targets in turn. */
export class Upstreams {
  readonly targets: readonly Target[];
  readonly #limits: Limits;
  #next = 0;

  constructor(readonly all: readonly Upstream[], limits: Limits) {
    this.targets = all.map(({ target }) => target);
    this.#limits = limits;
  }

  /** Closes the idle connections. */
  close(): void {
    for (const upstream of this.all) upstream.close();
  }

  /**
   * Sends a request to the next target; after a failure to the one after it, if
   * nothing was sent, or the request is repeatable and no response began.
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
      const span = spanOf(upstream, proxyRequest);
      const traced = span === null ? proxyRequest : within(span, proxyRequest);
      try {
        const ask = () =>
          roundTrip(upstream, traced, client, this.#limits, true);
        let response = await ask();
        if (
          proxyRequest.repeatable &&
          upstream.learnsStart(proxyRequest.request, response.head)
        ) {
          response.connection.close();
          response = await ask();
        }
        endClientSpan(span, response.head.status);
        upstream.markHealthy();
        return response;
      } catch (error) {
        traceError(span, error);
        span?.end();
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

  /** All targets from the next one on, those that are down last. */
  #inTurn(): readonly Upstream[] {
    if (this.all.length === 1) return this.all;
    const first = this.#next++ % this.all.length;
    return [...this.all.slice(first), ...this.all.slice(0, first)]
      .sort((a, b) => Number(a.isDown) - Number(b.isDown));
  }
}
