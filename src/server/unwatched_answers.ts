/**
 * Answers of fetch handlers to plain requests, which need an exchange only when
 * they take long, fail, or somebody asks what is in flight.
 */

import { abortRequest } from "../engine/request.ts";
import { fieldsOf, isPlain, plainBody, streamOf } from "../engine/response.ts";
import { failureOf, isCancelled, isWatchable } from "../engine/stream.ts";
import { byteLength } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";
import type { ListenerContext } from "./context.ts";
import { logThrown } from "./exchange.ts";
import { FetchExchange, serveFetch } from "./fetch.ts";
import type { Unwatched } from "./in_flight.ts";
import { readHead, type RequestHead, targetOf } from "./request/head.ts";
import { isHopByHop } from "./response/headers.ts";

/** Counts a plain request whose answer is plain too. */
export function countPlain(
  { worker, secure }: ListenerContext,
  response: Response,
  began: number,
): void {
  worker.counters!.addPlain(secure, began, byteLength(plainBody(response)));
}

type BodyStream = ReadableStream<Uint8Array<ArrayBuffer>>;

/**
 * A plain request whose handler gave a promise or a stream, which is mostly over
 * within milliseconds. It gets an exchange when somebody asks before that.
 */
class UnwatchedAnswer implements Unwatched {
  place = -1;
  turn = 0;
  /** Resolves the promise that the engine has got. */
  #resolve!: (response: Response | Promise<Response>) => void;
  /** The stream that the engine reads as the handler gave it. */
  #stream: BodyStream | null = null;
  #exchange: FetchExchange | null = null;
  #isWatched = false;
  /** When the handler was called (ms since 1970); 0 where nobody asks. */
  #startedAt = 0;

  /**
   * @param given The handler's promise, or its response with a stream.
   * @param began As of `RequestCounters.begin`.
   */
  constructor(
    readonly listener: ListenerContext,
    readonly request: Request,
    readonly info: Deno.ServeHandlerInfo,
    readonly fields: HeaderList,
    public given: Promise<unknown> | Response,
    readonly began: number,
  ) {}

  /** Awaits the handler's promise. */
  promised(given: Promise<unknown>): Promise<Response> {
    const { counters, inFlight } = this.listener.worker;
    inFlight.addUnwatched(this);
    if (counters !== null) {
      counters.started(0);
      this.#startedAt = this.began || Date.now();
    }
    given.then(
      (answer) => this.#settled(answer),
      () => this.#settled(given),
    );
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #settled(answer: unknown): void {
    if (this.#isWatched) return;
    const { worker } = this.listener;
    if (worker.leavingSince === null) {
      const { counters } = worker;
      if (isPlain(answer)) {
        worker.inFlight.deleteUnwatched(this);
        this.#resolve(answer);
        if (counters === null) return;
        counters.stopped(0);
        countPlain(this.listener, answer, this.began);
        return;
      }
      const stream = plainStreamOf(this.listener, answer);
      if (stream !== null) {
        this.streamed(answer as Response, stream);
        return this.#resolve(answer as Response);
      }
    }
    worker.inFlight.deleteUnwatched(this);
    if (answer instanceof Response) this.given = answer;
    this.#serve();
  }

  #serve(): void {
    const { listener, request, info, given } = this;
    listener.worker.counters?.stopped(0); // the exchange counts it again
    this.#resolve(
      serveFetch(
        listener,
        request,
        info,
        this.#head(),
        listener.direct!,
        given,
        this.#startedAt,
      ),
    );
  }

  #head(): RequestHead {
    const { listener, request, info, fields } = this;
    const { worker, secure, http2 } = listener;
    return readHead(request, worker.settings, secure, info, http2, fields);
  }

  /** The engine reads the handler's stream from now on. */
  streamed(response: Response, stream: BodyStream): void {
    this.given = response;
    this.#stream = stream;
    // Asked for later, it would never settle.
    this.info.completed.then(() => this.#done(true), () => this.#done(false));
  }

  #done(isSent: boolean): void {
    const { listener, request } = this;
    if (this.#exchange !== null) return this.#exchange.streamDone(isSent);
    if (!this.#isWatched) listener.worker.inFlight.deleteUnwatched(this);
    const failure = failureOf(this.#stream!);
    if (failure !== null) {
      logThrown(
        () => `${request.method} ${targetOf(request.url).rawPath}`,
        failure.cause,
      );
    }
    if (failure !== null || !isSent || isCancelled(this.#stream!)) {
      abortRequest(request);
    }
  }

  watch(): void {
    this.#isWatched = true;
    if (this.#stream === null) return this.#serve();
    const { listener, request, info, given } = this;
    try {
      this.#exchange = new FetchExchange(
        listener,
        request,
        info,
        this.#head(),
        listener.direct!,
        given,
      );
    } catch {
      // The engine has finished with the request, and is about to say so.
      return;
    }
    this.#exchange.takeOver(given as Response, this.#stream);
  }
}

/**
 * Serves a plain request whose handler gave no plain response.
 *
 * @returns null for what an exchange has to serve
 */
export function serveUnwatched(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  fields: HeaderList,
  given: unknown,
  began: number,
): Response | Promise<Response> | null {
  if (given instanceof Promise) {
    return new UnwatchedAnswer(listener, request, info, fields, given, began)
      .promised(given);
  }
  const stream = plainStreamOf(listener, given);
  if (stream === null) return null;
  const response = given as Response;
  const answer = new UnwatchedAnswer(
    listener,
    request,
    info,
    fields,
    response,
    began,
  );
  listener.worker.inFlight.addUnwatched(answer);
  answer.streamed(response, stream);
  return response;
}

/** The stream that the engine may read as the handler gave it; null of others. */
function plainStreamOf(
  { worker }: ListenerContext,
  given: unknown,
): BodyStream | null {
  if (
    !(given instanceof Response) || worker.counters !== null ||
    worker.settings.requestTimeout !== 0
  ) return null;
  const stream = streamOf(given);
  return stream === null || !isWatchable(stream) ||
      fieldsOf(given).some(isOfFraming)
    ? null
    : stream;
}

/** True of a field that tells of the body's length or of the connection. */
function isOfFraming([name]: readonly [name: string, value: string]): boolean {
  return name.length === 14 && name.toLowerCase() === "content-length" ||
    isHopByHop(name);
}
