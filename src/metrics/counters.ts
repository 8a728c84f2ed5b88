/**
 * The counters of one thread: numbers in memory that the main thread reads
 * while the thread counts. A request costs a few additions and no object.
 */

/** What a request was for. */
export const KINDS = ["http", "sse", "websocket"] as const;

/** One of {@linkcode KINDS}. */
export type CountedKind = typeof KINDS[number];

/**
 * The methods that have a name of their own (RFC 9110, 9; RFC 5789; RFC 4918,
 * 9). All others are `_OTHER`, so that no client can add series
 * (OpenTelemetry, `http.request.method`).
 */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
  "PROPFIND",
  "PROPPATCH",
  "MKCOL",
  "COPY",
  "MOVE",
  "LOCK",
  "UNLOCK",
  "_OTHER",
];
const OTHER_METHOD = METHODS.length - 1;
const METHOD_INDEX = new Map(METHODS.map((name, index) => [name, index]));

/**
 * Bounds of durations in seconds: OpenTelemetry's advice for HTTP servers, and
 * two below it, where most answers are.
 */
export const SECONDS = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];
/** Bounds of sizes in bytes. */
export const BYTES = [100, 1000, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9];
/** Bounds of the event loop's lag in seconds. */
export const LAG_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Why requests ended abnormally; `x-` reasons of apps count as `other`. */
export const REASONS = [
  "client_closed",
  "client_timeout",
  "idle_timeout",
  "keepalive_timeout",
  "write_timeout",
  "write_error",
  "read_error",
  "protocol_error",
  "server_shutdown",
  "server_error",
  "body_too_large",
  "queue_overflow",
  "other",
];

/** Limits that clients hit, by their option where there is one. */
export const LIMITS = [
  "max-connections",
  "max-body-size",
  "max-header-size",
  "max-header-count",
  "max-receive-queue",
  "max-ws-frame-size",
  "allowed-hosts",
  "timeout",
  "write-timeout",
  "request-timeout",
  "http2-streams",
  "channel-queue",
  "open-files",
  "queue-overflow",
  "protocol-error",
  "other",
];

/**
 * Where messages of channels are dropped: at a subscriber that is slow, on the
 * way to a thread that is busy, or to a broker that is busy or away.
 */
export const DROPS = ["subscriber", "thread", "broker"] as const;

/** Those whose messages name no option. */
const LIMIT_OF_KIND: Readonly<Record<string, string>> = {
  "503 1000 for one HTTP/2 connection": "http2-streams",
  "websocket 1008": "max-receive-queue",
  "websocket 1009": "max-ws-frame-size",
  accept: "open-files",
  activity: "request-timeout",
  descriptors: "open-files",
  dropped: "channel-queue",
  protocol_error: "protocol-error",
  queue_overflow: "queue-overflow",
  start: "timeout",
  write_timeout: "write-timeout",
};

/** A histogram: the count of each bucket, of what is above, and the sum. */
const sizeOf = (bounds: readonly number[]) => bounds.length + 2;

/** Where each number stands. Gauges come first: they end with their thread. */
export const AT = layout();

function layout() {
  let end = 0;
  const take = (size: number): number => (end += size) - size;
  return {
    /** Requests that run, by kind. */
    active: take(KINDS.length),
    /** Bytes of the thread's heap, and of buffers beside it. */
    heap: take(1),
    external: take(1),
    /** The counters begin here. */
    counters: take(0),
    reasons: take(REASONS.length),
    limits: take(LIMITS.length),
    /** Messages of channels, by {@linkcode DROPS}. */
    dropped: take(DROPS.length),
    badRequests: take(1),
    cacheHits: take(1),
    cacheMisses: take(1),
    lag: take(sizeOf(LAG_SECONDS)),
    /** Of the bodies, by kind. */
    requestBytes: take(KINDS.length * sizeOf(BYTES)),
    responseBytes: take(KINDS.length * sizeOf(BYTES)),
    /** The number of series of requests, and these; see {@linkcode SERIES}. */
    seriesCount: take(1),
    series: end,
  };
}

/** Of one kind in {@linkcode AT.requestBytes} and `responseBytes`. */
export const BYTES_STEP: number = sizeOf(BYTES);

/** A series: what its requests have in common, and their durations. */
export const SERIES: { readonly step: number; readonly most: number } = {
  step: 1 + sizeOf(SECONDS),
  // Apps choose statuses and methods: the last one is for all that is left.
  most: 512,
};

const STATUSES = 600;
const SIZE = AT.series + SERIES.most * SERIES.step;

/** What the requests of a series have in common, as one number. */
function keyOf(
  kind: number,
  method: number,
  status: number,
  secure: boolean,
  http2: boolean,
): number {
  return (((kind * METHODS.length + method) * STATUSES + status) * 2 +
        Number(secure)) * 2 + Number(http2);
}

/** The same, taken apart. */
export function labelsOf(key: number): {
  kind: CountedKind;
  method: string;
  /** 0 for none. */
  status: number;
  secure: boolean;
  http2: boolean;
} {
  const rest = Math.floor(key / 4);
  const methods = Math.floor(rest / STATUSES);
  return {
    kind: KINDS[Math.floor(methods / METHODS.length)],
    method: METHODS[methods % METHODS.length],
    status: rest % STATUSES,
    secure: (key & 2) !== 0,
    http2: (key & 1) !== 0,
  };
}

/** The series of all requests that find no room for one of their own. */
const OVERFLOW = keyOf(0, OTHER_METHOD, 0, false, false);

/** The numbers of this thread; only `--metrics` reads them. */
let numbers: Float64Array = new Float64Array(AT.series);

/** Memory for the counters of one thread. */
export function newCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * SIZE);
}

/** Counts rare events, at one of the places of {@linkcode AT}. */
export function count(place: number): void {
  numbers[place]++;
}

/** Counts messages of channels that were dropped. */
export function countDropped(
  where: typeof DROPS[number],
  messages: number,
): void {
  numbers[AT.dropped + DROPS.indexOf(where)] += messages;
}

const limitPlaces = new Map<string, number>();

/** Counts a limit that a client hit. @param kind As `logLimit` has it. */
export function countLimit(kind: string): void {
  let place = limitPlaces.get(kind);
  if (place === undefined) {
    const name = LIMIT_OF_KIND[kind] ?? /--([\w-]+)/.exec(kind)?.[1] ?? "other";
    // A request that is malformed has hit no limit.
    const isNone = kind.endsWith(" null");
    const at = LIMITS.indexOf(name);
    place = isNone
      ? AT.badRequests
      : AT.limits + (at < 0 ? LIMITS.length - 1 : at);
    limitPlaces.set(kind, place);
  }
  numbers[place]++;
}

/** One of {@linkcode KINDS} by its place. */
export type KindIndex = 0 | 1 | 2;

/** The place of a kind. */
export function kindIndex(kind: CountedKind): KindIndex {
  return kind === "http" ? 0 : kind === "sse" ? 1 : 2;
}

/** Requests of a thread in half a second from which on few are timed … */
const MANY = 1000;
/** … and how many in half a second then. */
const TIMED = 50;

/**
 * Counts the requests of a thread. All are counted. Of those that are answered
 * at once, a busy thread times a hundred a second: what is seldom done takes up
 * to 15 microseconds. The duration of the last one stands for those of its series
 * until the next. All others are timed, and stand for themselves.
 */
export class RequestCounters {
  readonly #memory: SharedArrayBuffer;
  readonly #numbers: Float64Array;
  readonly #series = new Map<number, Series>(); // by key
  /** Of the last one: most are like the one before. */
  #lastKey = -1;
  #last: Series | undefined;
  readonly #pending = new PendingPlain();
  #stride = 1;
  /** Requests until the next that is timed. */
  #untilTimed = 0;
  /** Requests since the last look. */
  #recent = 0;

  /** @param memory Of {@linkcode newCounters}; from now on this thread's. */
  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#numbers = numbers = new Float64Array(memory);
  }

  /** With all that was counted. */
  get memory(): SharedArrayBuffer {
    this.flush();
    return this.#memory;
  }

  /** To be called every half a second: decides how many are timed. */
  look(): void {
    this.flush();
    this.#stride = this.#recent > MANY ? Math.ceil(this.#recent / TIMED) : 1;
    this.#untilTimed = Math.min(this.#untilTimed, this.#stride);
    this.#recent = 0;
  }

  /** The time at which a request begins (ms since 1970); 0 of one not timed. */
  begin(): number {
    if (--this.#untilTimed > 0) return 0;
    this.#untilTimed = this.#stride;
    this.#recent += this.#stride;
    return Date.now();
  }

  /** A request of that kind begins to run … */
  started(kind: KindIndex): void {
    this.#numbers[AT.active + kind]++;
  }

  /** … and runs no more. */
  stopped(kind: KindIndex): void {
    this.#numbers[AT.active + kind]--;
  }

  /**
   * Counts a request that has ended, or is refused.
   *
   * @param status Null when no response was started.
   * @param began When (ms since 1970); 0 of one that took no time.
   * @param received Bytes, as `sent`.
   * @param isBrief It was answered at once, and began as of {@linkcode begin}.
   */
  add(
    kind: KindIndex,
    method: string,
    status: number | null,
    secure: boolean,
    http2: boolean,
    began: number,
    received: number,
    sent: number,
    isBrief = false,
  ): void {
    const methodIndex = method === "GET"
      ? 0
      : METHOD_INDEX.get(method) ?? OTHER_METHOD;
    const known = status !== null && status < STATUSES ? status : 0;
    const key = keyOf(kind, methodIndex, known, secure, http2);
    if (key !== this.#lastKey) {
      this.#last = this.#series.get(key) ?? this.#newSeries(key);
      this.#lastKey = key;
    }
    const series = this.#last!;
    const { place } = series;
    let { bucket, ms } = series;
    if (began !== 0 || !isBrief) {
      // The clock may have been set back.
      ms = began === 0 ? 0 : Math.max(0, Date.now() - began);
      bucket = place + 1 + bucketOf(SECONDS, ms / 1000);
      if (isBrief) {
        series.bucket = bucket;
        series.ms = ms;
      }
    }
    const numbers = this.#numbers;
    numbers[bucket]++;
    if (ms !== 0) numbers[place + SERIES.step - 1] += ms / 1000;
    const bytes = kind * BYTES_STEP;
    if (received === 0) numbers[AT.requestBytes + bytes]++;
    else addTo(numbers, AT.requestBytes + bytes, BYTES, received);
    addTo(numbers, AT.responseBytes + bytes, BYTES, sent);
  }

  /**
   * The same for a GET by HTTP/1 without a body that was answered with 200.
   * Those that are not timed wait for the next that is, or for `flush`.
   */
  addPlain(secure: boolean, began: number, sent: number): void {
    if (began === 0 && this.#pending.take(secure, sent)) return;
    this.flush();
    this.add(0, "GET", 200, secure, false, began, 0, sent, true);
    this.#pending.setModel(this.#last!, secure, sent);
  }

  /** Adds what waits to the numbers; {@linkcode look} does so every half a second. */
  flush(): void {
    this.#pending.flush(this.#numbers);
  }

  /** Counts the reason of an abnormal end. */
  addReason(reason: string): void {
    const known = REASONS.indexOf(reason);
    this.#numbers[AT.reasons + (known < 0 ? REASONS.length - 1 : known)]++;
  }

  #newSeries(key: number): Series {
    const index = this.#numbers[AT.seriesCount];
    if (index >= SERIES.most - 1 && key !== OVERFLOW) {
      return this.#series.get(OVERFLOW) ?? this.#newSeries(OVERFLOW);
    }
    const place = AT.series + index * SERIES.step;
    this.#numbers[place] = key;
    this.#numbers[AT.seriesCount] = index + 1;
    const series: Series = { place, bucket: place + 1, ms: 0 };
    this.#series.set(key, series);
    return series;
  }
}

/**
 * Requests of `addPlain` that are not in the numbers yet. The numbers lie in other
 * cache lines: updating them for each request would take longer than counting it.
 */
class PendingPlain {
  #count = 0;
  #bytes = 0;
  /** Of the model, and the bounds of its size. */
  #series: Series | undefined;
  #isSecure = false;
  #above = 0;
  #upTo = -1;

  /** Takes a request if it is like the last one of `setModel`. */
  take(secure: boolean, sent: number): boolean {
    if (
      secure !== this.#isSecure || sent <= this.#above || sent > this.#upTo
    ) return false;
    this.#count++;
    this.#bytes += sent;
    return true;
  }

  /** To be called when none waits. */
  setModel(series: Series, secure: boolean, sent: number): void {
    const bucket = bucketOf(BYTES, sent);
    this.#series = series;
    this.#isSecure = secure;
    this.#above = BYTES[bucket - 1] ?? -1;
    this.#upTo = BYTES[bucket] ?? -1;
  }

  flush(numbers: Float64Array): void {
    const count = this.#count;
    if (count === 0) return;
    const { place, bucket, ms } = this.#series!;
    numbers[bucket] += count;
    numbers[place + SERIES.step - 1] += count * ms / 1000;
    numbers[AT.requestBytes] += count;
    numbers[AT.responseBytes + bucketOf(BYTES, this.#upTo)] += count;
    numbers[AT.responseBytes + BYTES.length + 1] += this.#bytes;
    this.#count = this.#bytes = 0;
  }
}

/** Where a series begins, and the duration that stands for untimed requests. */
interface Series {
  readonly place: number;
  bucket: number;
  ms: number;
}

/** The first bound that holds a value; the number of bounds for none. */
function bucketOf(bounds: readonly number[], value: number): number {
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]) bucket++;
  return bucket;
}

/** Adds a value to the histogram at `place`. */
function addTo(
  numbers: Float64Array,
  place: number,
  bounds: readonly number[],
  value: number,
): void {
  numbers[place + bucketOf(bounds, value)]++;
  numbers[place + bounds.length + 1] += value;
}

/** Milliseconds between two looks at the event loop and the heap. */
const POLL_INTERVAL_MS = 500;

/**
 * From now on watches the event loop and the heap of this thread, which does
 * not keep it alive.
 */
export function watchThread(counters: RequestCounters): void {
  let due = performance.now() + POLL_INTERVAL_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    addTo(numbers, AT.lag, LAG_SECONDS, Math.max(0, now - due) / 1000);
    due = now + POLL_INTERVAL_MS;
    counters.look();
    noteHeap();
  }, POLL_INTERVAL_MS);
  Deno.unrefTimer(timer as unknown as number);
  noteHeap();
}

function noteHeap(): void {
  const { heapUsed, external } = Deno.memoryUsage();
  numbers.set([heapUsed, external], AT.heap);
}

/** What a thread counts that serves no requests, as `CounterSums.numbers`. */
export function ownNumbers(): Float64Array | null {
  return numbers.buffer instanceof SharedArrayBuffer ? null : numbers;
}
