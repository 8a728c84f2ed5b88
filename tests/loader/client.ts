/**
 * One request to an app, with plain scopes and events.
 *
 * @module
 */

import type {
  DisconnectReason,
  HeaderList,
  HttpScope,
  NetScope,
  PagiApp,
  PagiConnection,
  ReceiveEvent,
  Scope,
  SendEvent,
} from "../../src/pagi/types.ts";

/** What to ask for; a `GET /` when nothing is said. */
export interface Ask {
  type?: "http" | "sse";
  method?: string;
  target?: string;
  headers?: HeaderList;
  /** The parts of the request's body. */
  parts?: string[];
  /** More of the body is announced after `parts`, and never comes. */
  stalls?: boolean;
  scope?: Partial<NetScope & Pick<HttpScope, "scheme">>;
  /** Holds `send` back, as a slow client does. */
  sending?: () => Promise<void>;
}

/** A request under way. */
export class Client {
  readonly sent: SendEvent[] = [];
  /** How often the app asked for an event. */
  received = 0;
  /** Settles with the app. */
  readonly finished: Promise<void>;
  readonly #parts: Uint8Array[];
  readonly #stalls: boolean;
  readonly #gone = Promise.withResolvers<void>();
  readonly #listeners: ((reason: DisconnectReason) => void)[] = [];
  readonly #type: "http" | "sse";

  constructor(app: PagiApp, ask: Ask = {}) {
    this.#type = ask.type ?? "http";
    this.#parts = (ask.parts ?? [""]).map((part) =>
      new TextEncoder().encode(part)
    );
    this.#stalls = ask.stalls ?? false;
    this.finished = app(
      this.#scope(ask),
      () => this.#receive(),
      async (event) => {
        await ask.sending?.();
        this.sent.push(event);
      },
    );
    this.finished.catch(() => {});
  }

  /** The client leaves. */
  leave(): void {
    this.#gone.resolve();
    for (const listener of this.#listeners) listener("client_closed");
  }

  get status(): number | undefined {
    return this.#head?.status;
  }

  get headers(): HeaderList {
    return this.#head?.headers ?? [];
  }

  get #head() {
    return this.sent.find((event) => event.type === "http.response.start");
  }

  /** The body so far. */
  get text(): string {
    const decoder = new TextDecoder();
    return this.sent.map((event) => {
      if (!("body" in event)) return "";
      return typeof event.body === "string"
        ? event.body
        : decoder.decode(event.body, { stream: true });
    }).join("");
  }

  #scope({ method = "GET", target, headers, scope }: Ask): Scope {
    const connection: Partial<PagiConnection> = {
      onDisconnect: (listener) => void this.#listeners.push(listener),
    };
    const net = { ...netScope(target, headers), ...scope };
    return this.#type === "sse"
      ? { ...net, type: "sse", method, scheme: scope?.scheme ?? "http" }
      : {
        ...net,
        type: "http",
        method,
        scheme: scope?.scheme ?? "http",
        "pagi.connection": connection as PagiConnection,
      };
  }

  async #receive(): Promise<ReceiveEvent> {
    this.received++;
    const body = this.#parts.shift();
    if (body !== undefined) {
      const more = this.#stalls || this.#parts.length > 0 ? 1 : 0;
      return { type: `${this.#type}.request`, body, more };
    }
    await this.#gone.promise;
    return this.#type === "sse"
      ? { type: "sse.disconnect", reason: "client_closed" }
      : { type: "http.disconnect" };
  }
}

/** What all scopes of a connection share. */
export function netScope(
  target = "/",
  headers: HeaderList = [["host", "example.test:5000"]],
): NetScope {
  const [rawPath, ...query] = target.split("?");
  return {
    pagi: { version: "0.3" },
    http_version: "1.1",
    path: rawPath,
    raw_path: rawPath,
    query_string: query.join("?"),
    root_path: "",
    headers,
    client: ["192.0.2.1", 50000],
    server: ["192.0.2.2", 5000],
    extensions: {},
  };
}

/** Sends a request to `app` and waits for all of the answer. */
export async function ask(app: PagiApp, what: Ask = {}): Promise<Client> {
  const client = new Client(app, what);
  await client.finished;
  return client;
}
