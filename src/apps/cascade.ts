/** The app that tries several apps in sequence. */

import {
  appOf,
  type AppPart,
  composedLifespan,
  type LoadPart,
  part,
} from "./composing.ts";
import {
  type AppOptionTable,
  readAppOptions,
  type TableFor,
} from "../options/app_options.ts";
import { integer, list } from "../options/value_types.ts";
import { OptionError, quote } from "../options/option_error.ts";
import type {
  PagiApp,
  Receive,
  ReceiveEvent,
  Scope,
  Send,
} from "../pagi/types.ts";
import {
  type ConnectionScope,
  explainable,
  explainApp,
  type Explanation,
  indented,
} from "./explain.ts";
import NotFoundApp from "./not_found.ts";

const NAME = "PAGI::App::Cascade";

/** Options of {@linkcode CascadeApp}. */
export interface CascadeOptions {
  /** The apps in the order in which they are tried. */
  readonly apps?: readonly AppPart[];
  /** The statuses that make it try the next app (404, 405). */
  readonly catch?: readonly number[];
  /**
   * Maximum bytes of a request body that are kept for the next app (1,048,576).
   * An app that has received more always gives the response.
   */
  readonly maxReplay?: number;
}

const table = {
  catch: {
    type: list(integer({ min: 200, max: 599 })),
    default: [404, 405],
    help: "the statuses that make it try the next app",
  },
  max_replay: {
    type: integer(),
    default: 1024 * 1024,
    help:
      "bytes of a request body that are kept for the next app; of a longer one the first answer stands",
  },
} satisfies TableFor<Omit<CascadeOptions, "apps">>;

/**
 * Tries one app after the other until one responds with a status that is not
 * caught (PAGI.md 7); the last one's response is sent in any case. It decides
 * when a response starts, and buffers none. The received part of the request's
 * body is kept up to a limit for the next app; beyond the limit the response is
 * sent, whatever its status. Event streams and WebSockets cascade when they are
 * declined or denied with a caught status. Wrong options throw an `OptionError`.
 *
 * ```ts
 * new CascadeApp({ apps: [new FileApp({ root: "public" }), api] }).toApp();
 * ```
 *
 * On the command line the apps are numbered: `PAGI::App::Cascade
 * 1=PAGI::App::File,root=public 2=./api.ts catch=404`.
 */
export class CascadeApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = {
    NUMBER: {
      type: part,
      default: undefined,
      help: "the apps, tried by their numbers: 1, 2, …",
    },
    ...table,
  };

  readonly #apps: PagiApp[];
  readonly #caught: ReadonlySet<number>;
  readonly #maxReplay: number;

  constructor({ apps = [], ...options }: CascadeOptions = {}) {
    const given = readAppOptions(NAME, table, options);
    this.#apps = apps.map(appOf);
    this.#caught = new Set(given.catch);
    this.#maxReplay = given.max_replay;
  }

  /** Tries the apps that a command line names. */
  static async compose(
    pairs: Readonly<Record<string, string>>,
    load: LoadPart,
  ): Promise<CascadeApp> {
    const apps: PagiApp[] = [];
    const options: Record<string, string> = {};
    for (const [key, value] of Object.entries(pairs)) {
      if (/^[1-9]\d*$/.test(key)) apps.push(await load(value));
      else if (Object.hasOwn(table, key)) options[key] = value;
      else {
        throw new OptionError(
          `${NAME}: unknown option ${
            quote(key)
          }; write 1=APP 2=APP …, catch=STATUS,STATUS and max_replay=BYTES`,
        );
      }
    }
    if (apps.length === 0) {
      throw new OptionError(
        `${NAME} has nothing to try; write 1=APP 2=APP, for example 1=PAGI::App::File,root=public 2=./api.ts`,
      );
    }
    return new CascadeApp({ apps, ...options });
  }

  /** Tries `app` when the responses of all before it were caught. */
  add(app: AppPart): this {
    this.#apps.push(appOf(app));
    return this;
  }

  /** The app itself. */
  toApp(): PagiApp {
    const app: PagiApp = async (scope, receive, send) => {
      if (scope.type === "lifespan") {
        return await composedLifespan(this.#apps, scope, receive, send);
      }
      const apps = this.#apps.length > 0
        ? this.#apps
        : [new NotFoundApp().toApp()];
      const replay = new Replay(receive, this.#maxReplay);
      for (const app of apps.slice(0, -1)) {
        if (!await this.#isCaught(app, scope, replay, send)) return;
      }
      replay.end();
      await apps.at(-1)!(scope, replay.fromStart(), send);
    };
    return explainable(app, (scope) => this.#explain(scope));
  }

  async #explain(scope: ConnectionScope): Promise<Explanation> {
    const lines: string[] = [];
    let last: Explanation = { lines: [], status: 404 };
    let known = true;
    for (const [index, app] of this.#apps.entries()) {
      last = await explainApp(app, scope);
      const isLast = index === this.#apps.length - 1;
      const caught = last.status === null
        ? last.unsupported && scope.type === "websocket"
        : this.#caught.has(last.status);
      known &&= last.status !== null || last.unsupported === true;
      const outcome = isLast || !caught && last.status !== null
        ? "its response stands"
        : caught
        ? "caught, the next one is tried"
        : `the next one is tried if it answers ${[...this.#caught].join(", ")}`;
      lines.push(`${index + 1}: ${outcome}`, ...indented(last.lines));
      if (!isLast && !caught && last.status !== null) break;
    }
    return { ...last, lines, status: known ? last.status : null };
  }

  /** Runs an app; true when its response was caught, and nothing of it sent. */
  async #isCaught(
    app: PagiApp,
    scope: Scope,
    replay: Replay,
    send: Send,
  ): Promise<boolean> {
    let caught: boolean | null = null;
    const received = replay.fromStart();
    // The rest of the body is for the next app.
    const receiving: Receive = () =>
      caught ? Promise.resolve(disconnectOf(scope)) : received();
    const deciding: Send = (event) => {
      if (caught === null) {
        const status = statusOf(event);
        if (status !== null) {
          caught = replay.isWhole && this.#caught.has(status);
          if (caught) replay.rewind();
          else replay.end();
        }
      }
      return caught ? Promise.resolve() : send(event);
    };
    try {
      await app({ ...scope }, receiving, deciding);
    } catch (error) {
      // A caught response may fail.
      if (caught) return true;
      // An app without WebSockets must throw (PAGI.md 1.7).
      if (scope.type === "websocket" && caught === null) return true;
      throw error;
    }
    return caught === true;
  }
}

/** The status of an event that starts a response, or null. */
function statusOf(event: Parameters<Send>[0]): number | null {
  switch (event?.type) {
    case "http.response.start":
    case "sse.http.response.start":
    case "websocket.http.response.start":
      return event.status;
    case "sse.start":
      return event.status ?? 200;
    case "websocket.accept":
      return 101;
    case "websocket.close":
      return 403;
    default:
      return null;
  }
}

/** What an app receives after its response was caught. */
function disconnectOf({ type }: Scope): ReceiveEvent {
  switch (type) {
    case "sse":
      return { type: "sse.disconnect", reason: "" };
    case "websocket":
      return { type: "websocket.disconnect", code: 1006, reason: "" };
    default:
      return { type: "http.disconnect" };
  }
}

export default CascadeApp;

/** Maximum events per byte of the limit: small events take more memory. */
const EVENTS_PER_BYTE = 1 / 128;
const MIN_EVENTS = 64;

/** Keeps received events up to a limit, for each app to receive from the start. */
export class Replay {
  readonly #receive: Receive;
  readonly #limit: number;
  readonly #maxParts: number;
  /** The kept events, by their numbers. */
  readonly #events = new Map<number, ReceiveEvent>();
  #received = 0;
  #size = 0;
  #parts = 0;
  #keeps = true;
  #reading: Promise<void> | null = null;
  /** The number of the current app. */
  #app = 0;
  /** The number of the event that it receives next. */
  #next = 0;

  /** @param limit Maximum bytes of bodies to keep. */
  constructor(receive: Receive, limit: number) {
    this.#receive = receive;
    this.#limit = limit;
    this.#maxParts = MIN_EVENTS + limit * EVENTS_PER_BYTE;
  }

  /** True while another app could still receive everything. */
  get isWhole(): boolean {
    return this.#keeps;
  }

  /** Stops keeping events: no other app will receive them. */
  end(): void {
    this.#keeps = false;
  }

  /**
   * Begins with the next app, which gets all events kept so far, even if an
   * earlier app still waits for one that exceeds the limit.
   */
  rewind(): void {
    this.#app++;
    this.#next = 0;
  }

  /** Begins with the next app; returns its `receive`. */
  fromStart(): Receive {
    this.rewind();
    const app = this.#app;
    let next = 0;
    return () => {
      const index = next++;
      if (app === this.#app) this.#next = next;
      return this.#event(index, app);
    };
  }

  async #event(index: number, app: number): Promise<ReceiveEvent> {
    while (index >= this.#received) {
      await (this.#reading ??= this.#read().finally(() =>
        this.#reading = null
      ));
    }
    const event = this.#events.get(index);
    // An earlier app waits for an event that was dropped.
    if (event === undefined) return new Promise(() => {});
    if (!this.#keeps && app === this.#app) {
      this.#events.delete(index);
      return event;
    }
    // Copied, for an app may change the bytes.
    return "body" in event ? { ...event, body: event.body.slice() } : event;
  }

  async #read(): Promise<void> {
    const event = await this.#receive();
    if ("body" in event && event.body.byteLength > 0) {
      this.#size += event.body.byteLength;
      this.#parts++;
    }
    const tooMuch = this.#size > this.#limit || this.#parts > this.#maxParts;
    if (this.#keeps && tooMuch) {
      this.#keeps = false;
      for (const index of this.#events.keys()) {
        if (index < this.#next) this.#events.delete(index);
      }
    }
    this.#events.set(this.#received++, event);
  }
}
