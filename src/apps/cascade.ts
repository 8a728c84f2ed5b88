/**
 * The app that tries several apps in sequence.
 *
 * @module
 */

import type { AppOptionTable } from "../options/app_options.ts";
import { OptionError } from "../options/option_error.ts";
import { quote } from "../options/quote.ts";
import { integer, list } from "../options/kinds.ts";
import type {
  PagiApp,
  Receive,
  ReceiveEvent,
  Scope,
  Send,
} from "../pagi/types.ts";
import { composedLifespan } from "./composed_lifespan.ts";
import NotFoundApp from "./not_found.ts";
import { appOf, type AppPart, type LoadPart, part } from "./parts.ts";

const NAME = "PAGI::App::Cascade";
const STATUSES = list(integer({ min: 200, max: 599 }));
const CAUGHT = [404, 405];

/** Options of {@linkcode CascadeApp}. */
export interface CascadeOptions {
  /** The apps in the order in which they are tried. */
  readonly apps?: readonly AppPart[];
  /** The statuses that make it try the next (404, 405). */
  readonly catch?: readonly number[];
}

/**
 * Tries one app after the other until one answers with a status that is not
 * caught (PAGI.md 7); the last one's answer stands. It decides when a response
 * starts and keeps nothing of it: a body that an app has received is not there
 * for the next one. Event streams and WebSockets cascade when they are
 * declined or denied with a caught status.
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
      kind: part,
      default: undefined,
      help: "the apps, tried by their numbers: 1, 2, …",
    },
    catch: {
      kind: STATUSES,
      default: CAUGHT,
      help: "the statuses that make it try the next app",
    },
  };

  readonly #apps: PagiApp[];
  readonly #caught: ReadonlySet<number>;

  constructor(options: CascadeOptions = {}) {
    this.#apps = (options.apps ?? []).map(appOf);
    this.#caught = new Set(options.catch ?? CAUGHT);
  }

  /** Tries the apps that a command line names. */
  static async compose(
    pairs: Readonly<Record<string, string>>,
    load: LoadPart,
  ): Promise<CascadeApp> {
    const { catch: caught, ...numbered } = pairs;
    const apps: PagiApp[] = [];
    for (const [key, named] of Object.entries(numbered)) {
      if (!/^[1-9]\d*$/.test(key)) {
        throw new OptionError(
          `${NAME}: unknown option ${
            quote(key)
          }; write 1=APP 2=APP … and catch=STATUS,STATUS`,
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
      catch: caught === undefined ? CAUGHT : statuses(caught),
    });
  }

  /** Tries `app` when all before it were caught. */
  add(app: AppPart): this {
    this.#apps.push(appOf(app));
    return this;
  }

  /** The app itself. */
  toApp(): PagiApp {
    return async (scope, receive, send) => {
      if (scope.type === "lifespan") {
        return await composedLifespan(this.#apps, scope, receive, send);
      }
      const apps = this.#apps.length > 0
        ? this.#apps
        : [new NotFoundApp().toApp()];
      const opening = fromTheStart(receive);
      for (const app of apps.slice(0, -1)) {
        if (!await this.#isCaught(app, scope, opening(), send)) return;
      }
      await apps.at(-1)!(scope, opening(), send);
    };
  }

  /** Runs an app; true when its answer was caught, and nothing of it sent. */
  async #isCaught(
    app: PagiApp,
    scope: Scope,
    receive: Receive,
    send: Send,
  ): Promise<boolean> {
    let caught: boolean | null = null;
    const deciding: Send = (event) => {
      if (caught === null) {
        const status = statusOf(event);
        if (status !== null) caught = this.#caught.has(status);
      }
      return caught ? Promise.resolve() : send(event);
    };
    try {
      await app({ ...scope }, receive, deciding);
    } catch (error) {
      // An app that knows no WebSockets throws, as it must (PAGI.md 1.7).
      if (scope.type === "websocket" && caught === null) return true;
      throw error;
    }
    return caught === true;
  }
}

/**
 * Gives each app a `receive` that begins with what opens the scope: the event
 * `websocket.connect`, or the end of a body that is over already.
 */
function fromTheStart(receive: Receive): () => Receive {
  let opening: ReceiveEvent | null = null;
  return () => {
    let fresh = true;
    return async () => {
      const first = fresh ? opening : null;
      fresh = false;
      if (first !== null) return first;
      const event = await receive();
      if (event.type === "websocket.connect") opening = event;
      if ("more" in event && event.more === 0) {
        opening = { ...event, body: new Uint8Array(0) };
      }
      return event;
    };
  };
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

function statuses(text: string): number[] {
  try {
    return STATUSES.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionError(`${NAME}, option catch: ${why}`);
  }
}

export default CascadeApp;
