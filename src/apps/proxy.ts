/**
 * The app that passes requests on to other servers.
 *
 * It implements HTTP/1.1 on `Deno.connect`, because the available clients change
 * requests or are slower (measured on Deno 2.9.6 and 2.7.11):
 *
 * - `fetch` decompresses bodies, resolves `..` and `%2e%2e`, re-encodes paths,
 *   joins and sorts header fields, adds `accept`, `accept-language` and
 *   `user-agent`, and refuses a GET with a body;
 * - `node:http` resolves paths and regroups fields on 2.7.11;
 * - npm's undici has a third of the requests per second, and no way to choose
 *   the connection for a request that must not be sent twice;
 * - `WebSocket` resolves paths, buffers without backpressure, and reports only
 *   the status of a refusal, in words.
 */

import type { AppOptionTable, TableFor } from "../options/app_options.ts";
import { readAppOptions } from "../options/app_options.ts";
import { existingFile, flag, list, seconds } from "../options/value_types.ts";
import { OptionError } from "../options/option_error.ts";
import { log } from "../log/log.ts";
import type { PagiApp } from "../pagi/types.ts";
import { UnsupportedScope } from "../pagi/unsupported_scope.ts";
import { explainable } from "./explain.ts";
import { explainProxy } from "./proxy/explain_proxy.ts";
import type { ProxyContext } from "./proxy/client_uri.ts";
import {
  cookieDomain,
  fieldName,
  headerFields,
  parseTarget,
  targetUrl,
} from "./proxy/target.ts";
import { serveRequest } from "./proxy/serve_request.ts";
import { serveWebSocket } from "./proxy/serve_websocket.ts";
import { Upstream, Upstreams } from "./proxy/upstreams.ts";
import { requestRules } from "./proxy/upstream_request.ts";

const NAME = "PAGI::App::Proxy";

/** Options of {@linkcode ProxyApp}. */
export interface ProxyOptions {
  /**
   * The URL of the target, whose path is prepended; several targets take turns.
   */
  readonly target?: string | readonly string[];
  /** Default of the next three, in seconds; 0: no limit. */
  readonly timeout?: number;
  /** Seconds to connect, TLS included (default: timeout). */
  readonly connectTimeout?: number;
  /**
   * Seconds from the end of a request to the head of the response (default:
   * timeout).
   */
  readonly firstByteTimeout?: number;
  /**
   * Seconds that a target may pause within a body, except in event streams and
   * WebSockets (default: timeout).
   */
  readonly idleTimeout?: number;
  /** Seconds for which a failed target is tried last. */
  readonly failTimeout?: number;
  /** Header fields to set in each request, in place of the client's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Header fields not to pass on, even those that the proxy adds. */
  readonly removeHeaders?: string | readonly string[];
  /** Pass on the client's host in place of the target's. */
  readonly preserveHost?: boolean;
  /**
   * Keep the client's forwarded and x-forwarded-* and add to them, instead of
   * replacing them: only behind a proxy of your own.
   */
  readonly trustForwarded?: boolean;
  /**
   * Certificate authorities (PEM) to trust for https besides the usual ones; for
   * a self-signed certificate, the certificate itself.
   */
  readonly caCert?: string;
  /** Verify the certificates of https targets; 0 accepts any, from anybody. */
  readonly verify?: boolean;
  /**
   * The domain of cookies of targets; none removes it (default: unchanged).
   */
  readonly cookieDomain?: string;
}

const table = {
  target: {
    type: list(targetUrl),
    default: ["http://localhost:8080"],
    positional: true,
    help:
      "the URL of the target, whose path is prepended; several targets take turns",
    aliases: ["backend"],
  },
  timeout: {
    type: seconds,
    default: 30,
    help: "default of the next three, in seconds; 0: no limit",
  },
  connect_timeout: {
    type: seconds,
    default: undefined,
    help: "seconds to connect, TLS included (default: timeout)",
  },
  first_byte_timeout: {
    type: seconds,
    default: undefined,
    help:
      "seconds from the end of a request to the head of the response (default: timeout)",
  },
  idle_timeout: {
    type: seconds,
    default: undefined,
    help:
      "seconds that a target may pause within a body, except in event streams and WebSockets (default: timeout)",
  },
  fail_timeout: {
    type: seconds,
    default: 5,
    help: "seconds for which a failed target is tried last",
  },
  headers: {
    type: headerFields,
    default: {},
    help: "header fields to set in each request, in place of the client's",
  },
  remove_headers: {
    type: list(fieldName),
    default: [],
    help:
      "header fields not to pass on, even those that the proxy adds, such as forwarded and via",
  },
  preserve_host: {
    type: flag,
    default: false,
    help: "pass on the client's host in place of the target's",
  },
  trust_forwarded: {
    type: flag,
    default: false,
    help:
      "keep the client's forwarded and x-forwarded-* and add to them, instead of replacing them: only behind a proxy of your own",
  },
  ca_cert: {
    type: existingFile,
    default: undefined,
    help:
      "certificate authorities (PEM) to trust for https besides the usual ones; for a self-signed certificate, the certificate itself",
  },
  verify: {
    type: flag,
    default: true,
    help:
      "verify the certificates of https targets; 0 accepts any, from anybody",
  },
  cookie_domain: {
    type: cookieDomain,
    default: undefined,
    help:
      "the domain of cookies of targets; none removes it (default: unchanged)",
  },
} satisfies TableFor<ProxyOptions>;

/**
 * Passes requests, event streams and WebSockets on to the target, or to several
 * in turn (PAGI.md 7, 116). Only the options decide the target. Responds with
 * 502 when targets cannot be reached or respond wrongly, 504 after a timeout.
 * Wrong options throw an `OptionError`.
 *
 * ```ts
 * new ProxyApp({ target: "http://backend:3000" }).toApp();
 * ```
 */
export class ProxyApp implements Disposable {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = table;

  readonly #app: PagiApp;
  readonly #upstreams: Upstreams;

  constructor(options: ProxyOptions = {}) {
    const given = readAppOptions(NAME, table, options);
    const { timeout } = given;
    const targets = given.target.map((url) => parseTarget(url)!);
    if (targets.length === 0) {
      throw new OptionError(
        `${NAME} needs a target, as in target=http://backend:3000`,
      );
    }
    if (given.target === table.target.default) {
      log.info(
        `${NAME}: no target is given, so requests go to ${
          given.target[0]
        }; target=URL names another.`,
      );
    }
    const limits = {
      connectTimeout: given.connect_timeout ?? timeout,
      firstByteTimeout: given.first_byte_timeout ?? timeout,
      idleTimeout: given.idle_timeout ?? timeout,
      caCerts: given.ca_cert === undefined
        ? []
        : [Deno.readTextFileSync(given.ca_cert)],
      verify: given.verify,
    };
    this.#upstreams = new Upstreams(
      targets.map((target) => new Upstream(target, limits, given.fail_timeout)),
      limits,
    );
    const context: ProxyContext = {
      upstreams: this.#upstreams,
      limits,
      cookieDomain: given.cookie_domain === "none"
        ? ""
        : given.cookie_domain ?? null,
      hasBasePath: targets.some(({ basePath }) => basePath !== ""),
      rules: requestRules(given.headers, given.remove_headers, {
        preserveHost: given.preserve_host,
        trustForwarded: given.trust_forwarded,
      }),
    };
    const app: PagiApp = (scope, receive, send) => {
      switch (scope.type) {
        case "http":
        case "sse":
          return serveRequest(context, scope, receive, send);
        case "websocket":
          return serveWebSocket(context, scope, receive, send);
        default:
          return Promise.reject(new UnsupportedScope(NAME, scope.type));
      }
    };
    this.#app = explainable(app, (scope) => explainProxy(context, scope));
  }

  /** The app itself. */
  toApp(): PagiApp {
    return this.#app;
  }

  /** Closes idle connections to the targets; the app can still be called. */
  [Symbol.dispose](): void {
    this.#upstreams.close();
  }
}

export default ProxyApp;
