/**
 * The app that tries several apps in sequence.
 *
 * @module
 */

import {
  appOf,
  type AppPart,
  composedLifespan,
  type LoadPart,
  part,
} from "./composing.ts";
import type { AppOptionTable } from "../options/app_options.ts";
import { integer, list, type ValueType } from "../options/value_types.ts";
import { messageOf, OptionError, quote } from "../options/option_error.ts";
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
const BYTES = integer();
/** Bytes of a request body that are kept for the next app. */
const MAX_REPLAY = 1024 * 1024;
const STATUSES = list(integer({ min: 200, max: 599 }));
const CAUGHT = [404, 405];

/** Options of {@linkcode CascadeApp}. */
export interface CascadeOptions {
  /** The apps in the order in which they are tried. */
  readonly apps?: readonly AppPart[];
  /** The statuses that make it try the next (404, 405). */
  readonly catch?: readonly number[];
  /**
   * The most bytes of a request body that are kept for the next app
   * (1,048,576); of a longer one, the response of the app that has received so
   * much of it stands.
   */
  readonly maxReplay?: number;
}

/**
 * Tries one app after the other until one answers with a status that is not
 * caught (PAGI.md 7); the last one's response stands. It decides when a response
 * starts and keeps nothing of it. What an app has received of the request's
 * body is kept, up to a limit, and received by the next one as well; beyond
 * the limit the response stands, whatever its status. Event streams and
 * WebSockets cascade when they are declined or denied with a caught status.
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
    catch: {
      type: STATUSES,
      default: CAUGHT,
      help: "the statuses that make it try the next app",
    },
    max_replay: {
      type: BYTES,
      default: MAX_REPLAY,
      help:
        "bytes of a request body that are kept for the next app; of a longer one the first answer stands",
    },
  };

  readonly #apps: PagiApp[];
  readonly #caught: ReadonlySet<number>;
  readonly #maxReplay: number;

  constructor(options: CascadeOptions = {}) {
    this.#apps = (options.apps ?? []).map(appOf);
    this.#caught = new Set(options.catch ?? CAUGHT);
    this.#maxReplay = options.maxReplay ?? MAX_REPLAY;
  }

  /** Tries the apps that a command line names. */
  static async compose(
    pairs: Readonly<Record<string, string>>,
    load: LoadPart,
  ): Promise<CascadeApp> {
    const { catch: caught, max_replay: maxReplay, ...numbered } = pairs;
    const apps: PagiApp[] = [];
    for (const [key, named] of Object.entries(numbered)) {
      if (!/^[1-9]\d*$/.test(key)) {
        throw new OptionError(
          `${NAME}: unknown option ${
            quote(key)
          }; write 1=APP 2=APP …, catch=STATUS,STATUS and max_replay=BYTES`,
        );
      }
      apps.push(await load(named));
    }
    if (apps.length === 0) {
      throw new OptionError(
        `${NAME} has nothing to try; write 1=APP 2=APP, for example 1=PAGI::App::File,root=public 2=./api.ts`,
      );
    }
    return new CascadeApp({
      apps,
      catch: caught === undefined ? CAUGHT : read("catch", STATUSES, caught),
      maxReplay: maxReplay === undefined
        ? MAX_REPLAY
        : read("max_replay", BYTES, maxReplay),
    });
  }

  /** Tries `app` when all before it were caught. */
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
    const receiving: Receive = () => {
      // Nobody is there for its response, and the rest is the next app's.
      return caught ? Promise.resolve(disconnectOf(scope)) : received();
    };
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
      // A response that nobody gets may break off.
      if (caught) return true;
      // An app that knows no WebSockets throws, as it must (PAGI.md 1.7).
      if (scope.type === "websocket" && caught === null) return true;
      throw error;
    }
    return caught === true;
  }
}

/** The status that an event starts to answer with, if it does. */
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

/** What an app receives that has nothing more to receive. */
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

function read<T>(option: string, type: ValueType<T>, text: string): T {
  try {
    return type.parse(text);
  } catch (error) {
    const why = messageOf(error);
    throw new OptionError(`${NAME}, option ${option}: ${why}`);
  }
}

export default CascadeApp;

/**
 * The most parts of a body that are kept for each byte of the limit, and so
 * many more: bodies may come in crumbs, which take more than their bytes.
 */
const PARTS_PER_BYTE = 1 / 128;
const FEW_PARTS = 64;

/**
 * Keeps what has been received, bodies up to a limit, so that each app can
 * receive it from the start; what no app has received yet is still to come.
 */
export class Replay {
  readonly #receive: Receive;
  readonly #limit: number;
  readonly #maxParts: number;
  /** What is kept, by its number. */
  readonly #events = new Map<number, ReceiveEvent>();
  #received = 0;
  #size = 0;
  #parts = 0;
  #keeps = true;
  #reading: Promise<void> | null = null;
  /** The app whose turn it is, by its number … */
  #app = 0;
  /** … and what it asks for next. */
  #next = 0;

  /** @param limit Bytes that are kept. */
  constructor(receive: Receive, limit: number) {
    this.#receive = receive;
    this.#limit = limit;
    this.#maxParts = FEW_PARTS + limit * PARTS_PER_BYTE;
  }

  /** True while another app could still receive everything. */
  get isWhole(): boolean {
    return this.#keeps;
  }

  /** No other app will have to receive it: keeps nothing more. */
  end(): void {
    this.#keeps = false;
  }

  /**
   * It is the next app's turn: it will have all that is kept now, even if one
   * that received before waits for more that turns out to be too much.
   */
  rewind(): void {
    this.#app++;
    this.#next = 0;
  }

  /** What the app receives whose turn it is: everything from the start. */
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
    // An app that asks after its turn, for what the next one has already.
    if (event === undefined) return new Promise(() => {});
    if (!this.#keeps && app === this.#app) {
      this.#events.delete(index);
      return event;
    }
    // Each app has bytes of its own, whatever it does to them.
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
