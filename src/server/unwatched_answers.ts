/**
 * Answers of fetch handlers to plain requests, which need an exchange only when
 * they take long, fail, or somebody asks what is in flight.
 *
 * @module
 */

import { abortRequest } from "../engine/request.ts";
import { bodyOf, fieldsOf, isPlain, streamOf } from "../engine/response.ts";
import { byteLength } from "../http/headers.ts";
import type { HeaderList } from "../pagi/types.ts";
import type { ListenerContext } from "./context.ts";
import { logThrown } from "./exchange.ts";
import { FetchExchange, serveFetch } from "./fetch.ts";
import type { Unwatched } from "./in_flight.ts";
import { readHead, targetOf } from "./request/head.ts";
import { isHopByHop } from "./response/headers.ts";
import { PassedBody } from "./response/passed_body.ts";

/** Counts a plain request whose answer is plain too. */
export function countPlain(
  { worker, secure }: ListenerContext,
  request: Request,
  response: Response,
  began: number,
): void {
  const { method } = request;
  const body = method === "GET" ? bodyOf(response) : null;
  const sent = body === null ? 0 : byteLength(body as string | Uint8Array);
  worker.counters!.add(0, method, 200, secure, false, began, 0, sent);
}

/**
 * A plain request whose handler gave a promise. Most async handlers have
 * answered a few microtasks later; until that, or until somebody asks for it,
 * it has no exchange.
 */
class PromisedAnswer implements Unwatched {
  place = -1;
  #resolve!: (response: Response | Promise<Response>) => void;
  #isWatched = false;

  constructor(
    readonly listener: ListenerContext,
    readonly request: Request,
    readonly info: Deno.ServeHandlerInfo,
    readonly fields: HeaderList,
    readonly given: Promise<unknown>,
    readonly began: number,
  ) {}

  response(): Promise<Response> {
    const { counters, inFlight } = this.listener.worker;
    inFlight.addUnwatched(this);
    counters?.started(0);
    this.given.then(
      (answer) => this.#settled(answer),
      () => this.#settled(this.given),
    );
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #settled(answer: unknown): void {
    if (this.#isWatched) return;
    const { worker } = this.listener;
    worker.inFlight.deleteUnwatched(this);
    if (isPlain(answer) && worker.leavingSince === null) {
      this.#resolve(answer);
      if (worker.counters === null) return;
      worker.counters.stopped(0);
      countPlain(this.listener, this.request, answer, this.began);
      return;
    }
    if (answer instanceof Response && worker.leavingSince === null) {
      const { listener, request, info, fields } = this;
      const streamed = serveStreamed(listener, request, info, fields, answer);
      if (streamed !== null) return this.#resolve(streamed);
    }
    this.#serve(answer instanceof Response ? answer : this.given);
  }

  watch(): void {
    this.#isWatched = true;
    this.#serve(this.given);
  }

  /** Has an exchange serve it. */
  #serve(given: unknown): void {
    const { listener, request, info, fields, began } = this;
    const { worker, secure, http2, direct } = listener;
    worker.counters?.stopped(0); // the exchange counts it again
    const head = readHead(
      request,
      worker.settings,
      secure,
      info,
      http2,
      fields,
    );
    this.#resolve(
      serveFetch(listener, request, info, head, direct!, given, began),
    );
  }
}

/** Serves a plain request whose handler gave a promise. */
export function servePromised(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  fields: HeaderList,
  given: Promise<unknown>,
  began: number,
): Promise<Response> {
  return new PromisedAnswer(listener, request, info, fields, given, began)
    .response();
}

/**
 * A stream that the engine sends as the handler gave it. Most are over a few
 * milliseconds later; until then nobody has to know of them.
 */
class StreamedAnswer implements Unwatched {
  place = -1;
  readonly body: PassedBody;
  #exchange: FetchExchange | null = null;
  #isWatched = false;

  constructor(
    readonly listener: ListenerContext,
    readonly request: Request,
    readonly info: Deno.ServeHandlerInfo,
    readonly fields: HeaderList,
    readonly response: Response,
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  ) {
    this.body = new PassedBody(stream, false, null, null);
  }

  start(): void {
    this.listener.worker.inFlight.addUnwatched(this);
    // Asked for later, it would never settle.
    this.info.completed.then(() => this.#done(true), () => this.#done(false));
  }

  #done(isSent: boolean): void {
    const { listener, request, body } = this;
    if (this.#exchange !== null) return this.#exchange.streamDone(isSent);
    if (!this.#isWatched) listener.worker.inFlight.deleteUnwatched(this);
    body.leave();
    const { failure } = body;
    if (failure !== null) {
      logThrown(
        listener.worker,
        () => `${request.method} ${targetOf(request.url).rawPath}`,
        failure.cause,
      );
    }
    if (failure !== null || body.isCancelled || !isSent) abortRequest(request);
  }

  watch(): void {
    const { listener, request, info, fields, response } = this;
    const { worker, secure, http2, direct } = listener;
    this.#isWatched = true;
    let exchange: FetchExchange;
    try {
      const head = readHead(
        request,
        worker.settings,
        secure,
        info,
        http2,
        fields,
      );
      exchange = new FetchExchange(
        listener,
        request,
        info,
        head,
        direct!,
        response,
      );
    } catch {
      // The engine has finished with the request, and is about to say so.
      return;
    }
    this.#exchange = exchange;
    exchange.takeOver(response, this.body);
  }
}

/**
 * Has the engine send a stream that a handler gave to a plain request.
 *
 * @returns null for what an exchange has to serve
 */
export function serveStreamed(
  listener: ListenerContext,
  request: Request,
  info: Deno.ServeHandlerInfo,
  fields: HeaderList,
  response: Response,
): Response | null {
  const { counters, settings } = listener.worker;
  if (
    counters !== null || settings.requestTimeout !== 0 ||
    request.method !== "GET"
  ) return null;
  const stream = streamOf(response);
  if (stream === null || fieldsOf(response).some(isOfFraming)) return null;
  const answer = new StreamedAnswer(
    listener,
    request,
    info,
    fields,
    response,
    stream,
  );
  if (!answer.body.isSeen) return null;
  answer.start();
  return response;
}

/** True of a field that tells of the body's length or of the connection. */
function isOfFraming([name]: readonly [name: string, value: string]): boolean {
  return name.length === 14 && name.toLowerCase() === "content-length" ||
    isHopByHop(name);
}
