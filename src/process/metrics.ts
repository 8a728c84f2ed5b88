/**
 * `--metrics`: the main thread's metrics of the whole process, for Prometheus
 * and for probes.
 */

import {
  AT,
  BYTES,
  BYTES_STEP,
  DROPS,
  KINDS,
  labelsOf,
  LAG_SECONDS,
  LIMITS,
  REASONS,
  SECONDS,
} from "../metrics/counters.ts";
import {
  Exposition,
  type Format,
  formatFor,
  FORMATS,
} from "../metrics/exposition.ts";
import {
  type MetricsAnswer,
  MetricsListener,
  type MetricsRequest,
  plain,
} from "../metrics/listener.ts";
import type {
  CountedThreads,
  CounterSums,
  ShownThread,
} from "../metrics/threads.ts";
import { log } from "../log/log.ts";
import { messageOf, OptionError } from "../options/option_error.ts";
import type { ResolvedSettings } from "../options/settings.ts";
import { metricsAddress } from "../options/value_types.ts";
import { listenAddresses, ListenError } from "../server/listen_address.ts";
import { descriptorLimit } from "../system/descriptor_budget.ts";
import { processStats } from "../system/process_stats.ts";
import { canShare, checkFree } from "./shared_addresses.ts";

/** What metrics ask of a service. */
export interface Observed {
  readonly serving: boolean;
  /** Null before there are any. */
  readonly counted: CountedThreads | null;
  /** Workers that were replaced or ended so far, by the cause. */
  readonly restarts: ReadonlyMap<string, number>;
  /** Null without a guard. */
  readonly connections:
    | { readonly open: number; readonly limit: number }
    | null;
}

/** Where metrics are served, and whether the server is ready. */
export class Metrics implements Disposable {
  readonly #address: { readonly host: string; readonly port: number };
  readonly #observe: () => Observed;
  readonly #version: string;
  #listener: MetricsListener | null = null;
  #stopping = false;

  private constructor(
    address: { readonly host: string; readonly port: number },
    version: string,
    observe: () => Observed,
  ) {
    this.#address = address;
    this.#version = version;
    this.#observe = observe;
  }

  /**
   * Serves the metrics that the settings ask for; null where they ask for none.
   *
   * @param takesOver A predecessor serves there still: listens once
   * {@linkcode serving} is called.
   * @throws {OptionError} When the server listens there.
   * @throws {ListenError} When the address cannot be listened at.
   */
  static open(
    settings: ResolvedSettings,
    version: string,
    observe: () => Observed,
    takesOver: boolean,
  ): Metrics | null {
    const address = settings.metrics;
    if (address === null) return null;
    const same = listenAddresses(settings).find((one) =>
      "port" in one && one.port === address.port && one.port !== 0
    );
    if (same !== undefined) {
      throw new OptionError(
        `--metrics needs a port of its own: the server itself listens at port ${address.port}`,
      );
    }
    const metrics = new Metrics(address, version, observe);
    if (!takesOver) {
      try {
        checkFree([address]);
      } catch (error) {
        throw metrics.#error(error);
      }
      metrics.#listen();
    }
    return metrics;
  }

  /** The server accepts connections. */
  serving(): void {
    if (this.#listener !== null) return;
    try {
      this.#listen();
    } catch (error) {
      // The server has taken over already, and is worth more.
      log.error(this.#error(error).message);
    }
  }

  /** From now on `/readyz` says that the server stops. */
  stopping(): void {
    this.#stopping = true;
  }

  /** From now on a successor answers. */
  replaced(): void {
    this.#listener?.stop();
  }

  [Symbol.dispose](): void {
    this.#listener?.[Symbol.dispose]();
  }

  #listen(): void {
    try {
      this.#listener = new MetricsListener(
        this.#address,
        canShare(),
        (request) => {
          try {
            return this.#answer(request);
          } catch (error) {
            log.error("The metrics could not be made.", error);
            return plain(500, "The log says what is wrong.");
          }
        },
      );
    } catch (error) {
      throw this.#error(error);
    }
    const { hostname, port } = this.#listener.address;
    const where = metricsAddress.show!({ host: hostname, port });
    log.info(`Metrics at http://${where}/metrics`);
  }

  #error(error: unknown): ListenError {
    const { cause } = error as { cause?: unknown };
    const inUse = [error, cause].some((one) =>
      one instanceof Deno.errors.AddrInUse
    );
    const why = inUse
      ? "another program listens there"
      : messageOf(cause ?? error);
    return new ListenError(
      `--metrics cannot listen at ${
        metricsAddress.show!(this.#address)
      }: ${why}. Give another address or port.`,
    );
  }

  #answer({ path, accept }: MetricsRequest): MetricsAnswer {
    switch (path) {
      case "/metrics": {
        const format = formatFor(accept);
        const body = metricsText(this.#observe(), this.#version, format);
        return { status: 200, type: FORMATS[format], body };
      }
      case "/healthz":
        return plain(200, "ok");
      case "/readyz": {
        if (this.#stopping) return plain(503, "stopping");
        const { serving } = this.#observe();
        return serving ? plain(200, "ok") : plain(503, "not serving");
      }
      case "/":
        return plain(200, "/metrics\n/healthz\n/readyz");
      default:
        return plain(404, "There are /metrics, /healthz and /readyz.");
    }
  }
}

function metricsText(
  { counted, restarts, connections }: Observed,
  version: string,
  format: Format,
): string {
  const text = new Exposition(format);
  const threads = counted?.threads ?? [];
  if (counted !== null) {
    showRequests(text, counted.sums(threads));
    showWorkers(text, counted, threads, restarts);
    showUpstreams(text, counted, threads);
  }
  if (connections !== null) {
    text.gauge(
      "pagi_server_connections_open",
      "Client connections that are open.",
    )(connections.open);
    text.gauge(
      "pagi_server_connections_limit",
      "Client connections that may be open at once.",
    )(connections.limit);
  }
  showProcess(text, version);
  return text.toString();
}

/** Names and labels of OpenTelemetry's HTTP semantic conventions. */
function showRequests(text: Exposition, { numbers, series }: CounterSums) {
  const durations = text.histogram(
    "http_server_request_duration_seconds",
    "Time from a request's head to the end of its response; of a WebSocket, to its end.",
    SECONDS,
  );
  for (const [key, histogram] of [...series].sort(([a], [b]) => a - b)) {
    const { kind, method, status, secure, http2 } = labelsOf(key);
    durations(histogram, {
      http_request_method: method,
      http_response_status_code: status || "none",
      url_scheme: secure ? "https" : "http",
      network_protocol_version: http2 ? "2" : "1.1",
      pagi_kind: kind,
    });
  }
  const sizes = [
    ["request", "Bytes of request bodies that were read.", AT.requestBytes],
    [
      "response",
      "Bytes of response bodies, and of WebSocket messages.",
      AT.responseBytes,
    ],
  ] as const;
  for (const [what, help, at] of sizes) {
    const show = text.histogram(
      `http_server_${what}_body_size_bytes`,
      help,
      BYTES,
    );
    for (const [index, kind] of KINDS.entries()) {
      show(numbers, { pagi_kind: kind }, at + index * BYTES_STEP);
    }
  }
  const active = text.gauge(
    "http_server_active_requests",
    "Requests that run; of the kinds sse and websocket, open streams and WebSockets.",
  );
  for (const [index, kind] of KINDS.entries()) {
    active(numbers[AT.active + index], { pagi_kind: kind });
  }
  const failed = text.counter(
    "pagi_server_requests_aborted_total",
    "Requests that ended abnormally, by the reason that the app gets.",
  );
  for (const [index, reason] of REASONS.entries()) {
    failed(numbers[AT.reasons + index], { reason });
  }
  const limits = text.counter(
    "pagi_server_limit_hits_total",
    "Times that a client or the app hit a limit.",
  );
  for (const [index, limit] of LIMITS.entries()) {
    limits(numbers[AT.limits + index], { limit });
  }
  const dropped = text.counter(
    "pagi_server_channel_messages_dropped_total",
    "Messages of channels that somebody missed, by where they were dropped.",
  );
  for (const [index, where] of DROPS.entries()) {
    dropped(numbers[AT.dropped + index], { where });
  }
  text.counter(
    "pagi_server_malformed_requests_total",
    "Requests that were refused because something is wrong with them.",
  )(numbers[AT.badRequests]);
  text.counter(
    "pagi_server_connections_refused_total",
    "Requests answered with 503 because there were too many connections.",
  )(numbers[AT.limits + LIMITS.indexOf("max-connections")]);
  const cache = text.counter(
    "pagi_server_file_cache_requests_total",
    "Files looked up in the cache of small files.",
  );
  cache(numbers[AT.cacheHits], { result: "hit" });
  cache(numbers[AT.cacheMisses], { result: "miss" });
  text.histogram(
    "pagi_server_event_loop_lag_seconds",
    "How late timers of the event loops were; looked at twice a second per thread.",
    LAG_SECONDS,
  )(numbers, {}, AT.lag);
}

function showWorkers(
  text: Exposition,
  counted: CountedThreads,
  threads: readonly ShownThread[],
  restarts: ReadonlyMap<string, number>,
): void {
  const states = text.gauge(
    "pagi_server_workers",
    "Threads that serve, or a single process for one, by their state.",
  );
  for (const state of ["starting", "serving", "stopping"] as const) {
    const { length } = threads.filter((thread) => thread.state === state);
    states(length, { state });
  }
  text.counter(
    "pagi_server_worker_starts_total",
    "Threads that were started.",
  )(counted.starts);
  const replaced = text.counter(
    "pagi_server_worker_restarts_total",
    "Workers that were replaced, by the cause.",
  );
  for (const [cause, count] of restarts) replaced(count, { cause });
  const each = (
    name: string,
    help: string,
    value: (thread: ShownThread) => number | null,
  ): void => {
    const show = text.gauge(name, help);
    for (const thread of threads) {
      const shown = value(thread);
      if (shown !== null) show(shown, { worker: thread.slot });
    }
  };
  const origin = performance.timeOrigin;
  each(
    "pagi_server_worker_start_time_seconds",
    "When a thread was started, in seconds since 1970.",
    ({ startedAt }) => (origin + startedAt) / 1000,
  );
  each(
    "pagi_server_worker_silence_seconds",
    "Seconds since a worker's last sign of life.",
    ({ seenAt }) =>
      seenAt === null ? null : Math.max(0, performance.now() - seenAt) / 1000,
  );
  each(
    "pagi_server_worker_requests",
    "Requests that ended in a thread since its start.",
    ({ sums }) => {
      let requests = 0;
      for (const histogram of sums.series.values()) {
        for (let at = 0; at <= SECONDS.length; at++) requests += histogram[at];
      }
      return requests;
    },
  );
  each(
    "pagi_server_worker_heap_bytes",
    "Bytes of a thread's heap in use.",
    ({ sums }) => sums.numbers[AT.heap],
  );
  each(
    "pagi_server_worker_external_bytes",
    "Bytes of buffers that belong to a thread's heap.",
    ({ sums }) => sums.numbers[AT.external],
  );
}

function showUpstreams(
  text: Exposition,
  counted: CountedThreads,
  threads: readonly ShownThread[],
): void {
  const upstreams = counted.upstreams(threads);
  if (upstreams.length === 0) return;
  const up = text.gauge(
    "pagi_server_upstream_up",
    "1 while a proxy's target answers, 0 while it is passed over.",
  );
  for (const one of upstreams) up(Number(one.up), { target: one.target });
  const connections = text.gauge(
    "pagi_server_upstream_connections",
    "Connections to a proxy's target.",
  );
  for (const { target, idle, active } of upstreams) {
    connections(idle, { target, state: "idle" });
    connections(active, { target, state: "active" });
  }
  const requests = text.counter(
    "pagi_server_upstream_requests_total",
    "Requests that were sent to a proxy's target.",
  );
  for (const one of upstreams) requests(one.requests, { target: one.target });
  const failures = text.counter(
    "pagi_server_upstream_failures_total",
    "Requests that a proxy's target failed.",
  );
  for (const one of upstreams) failures(one.failures, { target: one.target });
}

/** Names of Prometheus's own client libraries. */
function showProcess(text: Exposition, version: string): void {
  const stats = processStats();
  if (stats.cpuSeconds !== null) {
    text.counter(
      "process_cpu_seconds_total",
      "Processor time of all threads in seconds.",
    )(stats.cpuSeconds);
  }
  const gauge = (name: string, help: string, value: number | null) => {
    if (value !== null) text.gauge(name, help)(value);
  };
  gauge(
    "process_resident_memory_bytes",
    "Resident memory in bytes.",
    stats.residentBytes,
  );
  gauge(
    "process_virtual_memory_bytes",
    "Virtual memory in bytes.",
    stats.virtualBytes,
  );
  gauge("process_open_fds", "Open file descriptors.", stats.openFiles);
  gauge(
    "process_max_fds",
    "File descriptors that may be open.",
    descriptorLimit(),
  );
  gauge("process_threads", "Threads of the system.", stats.threads);
  gauge(
    "process_start_time_seconds",
    "When the process was started, in seconds since 1970.",
    performance.timeOrigin / 1000,
  );
  text.info("pagi_server_build", "The program and what it runs on.", {
    version,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    target: Deno.build.target,
  });
}
