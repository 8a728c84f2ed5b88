/** The app that answers every request with one text. */

import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { integer } from "../options/value_types.ts";
import type { BytesIn, PagiApp } from "../pagi/types.ts";
import { explainable, explainByStart } from "./explain.ts";
import {
  assertRequest,
  mediaType,
  reply,
  type RequestScope,
  textOr,
} from "./reply.ts";

const NAME = "PAGI::App::NotFound";

/** Makes the body for one request. */
export type BodyOf = (scope: RequestScope) => BytesIn | Promise<BytesIn>;

/** Options of {@linkcode NotFoundApp}. */
export interface NotFoundOptions {
  /** What to say; in code also a function of the scope. */
  readonly body?: string | BodyOf;
  /** The media type of the body. */
  readonly contentType?: string;
  /** The status code. */
  readonly status?: number;
}

const table = {
  body: {
    type: textOr<BodyOf>(),
    default: "Not Found",
    help: "what to say; in code also a function of the scope",
  },
  content_type: {
    type: mediaType,
    default: "text/plain",
    help: "the media type of the body",
  },
  status: {
    type: integer({ min: 200, max: 599 }),
    default: 404,
    help: "the status code",
  },
} satisfies TableFor<NotFoundOptions>;

/**
 * Answers every request with the same status, 404 by default
 * (PAGI.md 7). Wrong options throw an `OptionError`.
 *
 * ```ts
 * new NotFoundApp({ body: (scope) => `No ${scope.path} here` }).toApp();
 * ```
 */
export class NotFoundApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: NotFoundOptions = {}) {
    const { body, content_type, status } = readAppOptions(NAME, table, options);
    const app: PagiApp = async (scope, _receive, send) => {
      assertRequest(scope, NAME);
      const content = typeof body === "function" ? await body(scope) : body;
      await reply(send, status, [["content-type", content_type]], content);
    };
    this.#app = explainable(
      app,
      (scope) =>
        typeof body === "function"
          ? { lines: [`answers ${status}`], status }
          : explainByStart(app, scope),
    );
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default NotFoundApp;
