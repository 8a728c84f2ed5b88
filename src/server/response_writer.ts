/**
 * One HTTP response, from its start event to its last byte.
 *
 * @module
 */

import type { FileHandle, HeaderList } from "../pagi/types.ts";
import { byteLength } from "../http/byte_length.ts";
import { fieldValue } from "../http/headers.ts";
import type { HttpSendEvent } from "../pagi/http_events.ts";
import type { ResponseExchange } from "./response_exchange.ts";
import { endToEnd } from "./end_to_end.ts";
import { openFile, readPieces, skipTo } from "./file_body.ts";
import { OutboundBody } from "./outbound_body.ts";
import { type Buffer, TransportState } from "./transport_state.ts";

const DONE: Promise<void> = Promise.resolve();
const ENCODER = new TextEncoder();

type Event<T extends string> = Extract<HttpSendEvent, { type: T }>;
/** The head of a response. */
export type StartEvent = Event<"http.response.start">;
/** A piece of its body. */
export type BodyEvent = Event<"http.response.body">;

/**
 * Writes a response as PAGI.md 3.3 has it. The head waits for the first
 * piece of the body: a reply in two events leaves in one piece.
 */
export class ResponseWriter implements Buffer {
  status: number | null = null;
  bodyBytes = 0;
  readonly transport: TransportState;
  readonly #exchange: ResponseExchange;
  #headers: HeaderList = [];
  #wantsTrailers = false;
  #body: OutboundBody | null = null;
  #phase: "idle" | "started" | "open" | "trailers" | "complete" = "idle";

  constructor(exchange: ResponseExchange) {
    this.#exchange = exchange;
    this.transport = new TransportState(this, exchange.worker.marks);
  }

  get started(): boolean {
    return this.#phase !== "idle";
  }

  get complete(): boolean {
    return this.#phase === "complete";
  }

  get bufferedBytes(): number {
    return this.#body?.bufferedBytes ?? 0;
  }

  /** Takes the head; ignored after the first. */
  start(event: StartEvent): void {
    if (this.started) return;
    const { status, headers, trailers } = event;
    this.begin(status, endToEnd(headers ?? []), Boolean(trailers));
  }

  /** Takes a head that has been checked, and says what the server lets say. */
  begin(status: number, headers: HeaderList, trailers = false): void {
    this.status = status;
    this.#headers = headers;
    this.#wantsTrailers = trailers;
    this.#phase = "started";
    this.#exchange.state.start();
  }

  /** Takes a piece of the body; resolves when the next one may come. */
  body(event: BodyEvent): Promise<void> {
    if (this.#phase !== "started" && this.#phase !== "open") return DONE;
    if ("file" in event && event.file != null) {
      return this.#file(event.file, event.offset ?? 0, event.length ?? null);
    }
    if ("fh" in event && event.fh != null) {
      return this.#handle(event.fh, event.offset ?? null, event.length ?? null);
    }
    const { body, more } = event as { body?: Uint8Array | string; more?: 0 };
    if (more) {
      if (body == null || body.length === 0) return this.#openBody() && DONE;
      return this.#openBody().write(toOwnBytes(body));
    }
    if (this.#phase === "open") {
      const written = body == null || body.length === 0
        ? DONE
        : this.#openBody().write(toOwnBytes(body));
      this.end();
      return written;
    }
    this.whole(body ?? null);
    return DONE;
  }

  /** The trailers end the message; they cannot reach the wire (PAGI.md 9). */
  trailers(): void {
    if (this.#phase === "trailers") this.#finishBody();
  }

  /** The body is complete; with trailers announced the message is not. */
  end(): void {
    if (this.#phase !== "open") return;
    if (this.#wantsTrailers) this.#phase = "trailers";
    else this.#finishBody();
  }

  /** Ends a message whose trailers never came. */
  endWithoutTrailers(): void {
    if (this.#phase === "trailers") this.#finishBody();
  }

  /** Sends head and body in one piece. */
  whole(body: Uint8Array | string | null): void {
    const isHead = this.#exchange.head.method === "HEAD";
    let payload: BodyInit | null = null;
    if (hasBody(this.status!)) {
      const known = body !== null && body.length > 0 ||
        fieldValue(this.#headers, "content-length") !== null;
      if (isHead && !known) {
        // What GET would send is not known; the engine would say that it is 0.
        payload = ReadableStream.from([]);
      } else if (body !== null) {
        // The engine would name a type for a string where the app names none.
        payload = typeof body === "string" && hasContentType(this.#headers)
          ? body
          : toOwnBytes(body);
        if (!isHead) this.bodyBytes = byteLength(body);
      }
    }
    this.#complete();
    this.#exchange.handOff(
      new Response(payload, { status: this.status!, headers: this.#headers }),
    );
    this.#exchange.endResponse();
  }

  /** Opens the body without a first piece, so that the head leaves now. */
  open(): OutboundBody {
    return this.#openBody();
  }

  /** Cuts the response short: no terminator, the connection closes. */
  abort(): void {
    if (this.#phase === "started" && !this.#exchange.handedOff) {
      this.#openBody();
    }
    this.#phase = "complete";
    this.#body?.abort();
    this.transport.release();
    this.#exchange.endConnection();
  }

  #openBody(): OutboundBody {
    if (this.#body !== null) return this.#body;
    const exchange = this.#exchange;
    const body = this.#body = new OutboundBody(
      () => this.transport,
      exchange.worker.marks,
      () => exchange.disconnect("client_closed"),
    );
    this.#phase = "open";
    const silent = exchange.head.method === "HEAD" || !hasBody(this.status!);
    if (silent) {
      // The app writes on; nobody reads.
      body.discard();
      exchange.handOff(
        new Response(null, { status: this.status!, headers: this.#headers }),
      );
      exchange.endResponse();
      return body;
    }
    this.#deliver(body.stream);
    return body;
  }

  #deliver(stream: ReadableStream<Uint8Array>): void {
    const exchange = this.#exchange;
    exchange.handOff(
      new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>, {
        status: this.status!,
        headers: this.#headers,
      }),
    );
    const over = () => {
      this.bodyBytes = this.#body?.written ?? this.bodyBytes;
      exchange.endResponse();
    };
    exchange.completed.then(over, () => {
      exchange.disconnect("client_closed");
      over();
    });
  }

  async #file(
    path: string,
    offset: number,
    length: number | null,
  ): Promise<void> {
    const { file, size } = await openFile(path);
    const native = this.#phase === "started" && offset === 0 &&
      (length === null || length >= size) &&
      this.#exchange.head.method !== "HEAD" && hasBody(this.status!);
    if (native) {
      // The engine reads the file by itself, and closes it.
      this.#phase = "open";
      this.bodyBytes = size;
      this.#deliver(file.readable);
      await this.#exchange.completed.catch(() => {});
      this.end();
      return;
    }
    try {
      await this.#handle(file, offset, length);
    } finally {
      file.close();
    }
  }

  async #handle(
    handle: FileHandle,
    offset: number | null,
    length: number | null,
  ): Promise<void> {
    if (offset !== null) await skipTo(handle, offset);
    // The body opens with the first piece: a handle that cannot be read
    // leaves everything as it was.
    await readPieces(handle, length ?? Infinity, async (piece) => {
      const body = this.#openBody();
      await body.write(piece);
      return !body.over;
    });
    this.#openBody();
    this.end();
  }

  #finishBody(): void {
    this.#complete();
    this.#body?.end();
  }

  #complete(): void {
    this.#phase = "complete";
    this.#exchange.state.completeResponse();
    this.#exchange.responseOver();
  }
}

/** 204, 205 and 304 have no body (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5). */
function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

function hasContentType(headers: HeaderList): boolean {
  for (const [name] of headers) {
    if (name.length === 12 && name.toLowerCase() === "content-type") {
      return true;
    }
  }
  return false;
}

/** The app may reuse its buffer once `send` has resolved, so copy it. */
function toOwnBytes(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  return typeof body === "string" ? ENCODER.encode(body) : new Uint8Array(body);
}
