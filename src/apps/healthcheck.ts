/** The app that reports whether the service is healthy. */

import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { defineType, text } from "../options/value_types.ts";
import type { PagiApp } from "../pagi/types.ts";
import { explainable, explainByStart } from "./explain.ts";
import { assertRequest, reply } from "./reply.ts";
import { messageOf } from "../options/option_error.ts";

const NAME = "PAGI::App::Healthcheck";

/** One check; it fails by returning a falsy value or by throwing. */
export type Check = () => unknown;

/** Options of {@linkcode HealthcheckApp}. */
export interface HealthcheckOptions {
  /** Functions by name, in code only; falsy or throwing is an error. */
  readonly checks?: Readonly<Record<string, Check>>;
  /** A version to report. */
  readonly version?: string;
}

const table = {
  checks: {
    type: defineType<Readonly<Record<string, Check>>>({
      placeholder: "CHECKS",
      allowed: "an object of functions, which only code can give",
      parse: () => undefined,
      is: (value): value is Record<string, Check> =>
        typeof value === "object" && value !== null &&
        Object.values(value).every((check) => typeof check === "function"),
    }),
    default: {},
    help: "functions by name, in code only; falsy or throwing is an error",
  },
  version: {
    type: text,
    default: undefined,
    help: "a version to report",
  },
} satisfies TableFor<HealthcheckOptions>;

/** The result of one check. */
interface CheckResult {
  status: "ok" | "error";
  message?: string;
}

/**
 * Responds with JSON: 200 when every check succeeds, else 503 (PAGI.md 7).
 * Times are whole seconds; `uptime` is that of the process, or of the worker.
 * Wrong options throw an `OptionError`.
 *
 * ```ts
 * new HealthcheckApp({ checks: { database: () => pool.ping() } }).toApp();
 * ```
 */
export class HealthcheckApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;

  constructor(options: HealthcheckOptions = {}) {
    const { checks, version } = readAppOptions(NAME, table, options);
    const named = Object.entries(checks).sort(([a], [b]) => a < b ? -1 : 1);
    const app: PagiApp = async (scope, _receive, send) => {
      assertRequest(scope, NAME);
      const results = await Promise.all(
        named.map(async ([name, check]) => [name, await run(check)] as const),
      );
      const ok = results.every(([, { status }]) => status === "ok");
      const report = {
        status: ok ? "ok" : "error",
        timestamp: Math.floor(Date.now() / 1000),
        uptime: Math.floor(performance.now() / 1000),
        version,
        checks: results.length > 0 ? Object.fromEntries(results) : undefined,
      };
      await reply(send, ok ? 200 : 503, [
        ["content-type", "application/json"],
        ["cache-control", "no-cache"],
      ], JSON.stringify(report));
    };
    this.#app = explainable(
      app,
      (scope) =>
        named.length > 0
          ? { lines: ["answers 200 or 503, as its checks find"], status: null }
          : explainByStart(app, scope),
    );
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }
}

export default HealthcheckApp;

async function run(check: Check): Promise<CheckResult> {
  try {
    return { status: await check() ? "ok" : "error" };
  } catch (error) {
    const message = messageOf(error);
    return { status: "error", message };
  }
}
