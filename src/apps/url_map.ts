/** The app that mounts other apps at different paths. */

import { traceRoute } from "../metrics/tracing.ts";
import { fieldValue } from "../http/headers.ts";
import { isDirectoryPath, pathSegments } from "../http/target.ts";
import type { AppOptionTable } from "../options/app_options.ts";
import { OptionError, quote } from "../options/option_error.ts";
import {
  type FindReady,
  type ReadyAnswer,
  readyAnswersOf,
  type ReadyRequest,
  withReadyAnswers,
} from "../pagi/ready_answers.ts";
import type { PagiApp } from "../pagi/types.ts";
import {
  appOf,
  type AppPart,
  composedLifespan,
  type LoadPart,
  part,
} from "./composing.ts";
import { type ConnectionScope, explainable, explainBelow } from "./explain.ts";
import NotFoundApp from "./not_found.ts";

const NAME = "PAGI::App::URLMap";
/** `//host/prefix`, with or without a port, or `/prefix`. */
const MOUNT = /^(?:\/\/([^/]+))?(\/.*)?$/s;

/** A host in a header field or a mount (RFC 3986, section 3.2.2). */
interface Host {
  /** Lower case, without a final dot. */
  readonly name: string;
  /** Digits; "" where no port is named. */
  readonly port: string;
}

/** An app at a place. */
interface Mount {
  /** null for any host. */
  readonly host: Host | null;
  /** Without the slash at the end: "" is the root. */
  readonly prefix: string;
  readonly app: PagiApp;
  readonly findReady: FindReady | null;
}

/** Options of {@linkcode UrlMapApp}. */
export interface UrlMapOptions {
  /** The app for all other requests; by default 404. */
  readonly default?: AppPart;
}

/**
 * Mounts apps by path and host (PAGI.md 7). The longest prefix that ends at a
 * `/` wins; among equal ones a mount with the host and port, then one with the
 * host. The app sees the rest as its `path`, and the prefix in `root_path`.
 * Event streams and WebSockets are mounted too; lifespan reaches every app.
 *
 * ```ts
 * new UrlMapApp()
 *   .mount("/api", api)
 *   .mount("//static.example.com/", new FileApp({ root: "public" }))
 *   .toApp();
 * ```
 *
 * On the command line: `PAGI::App::URLMap /api=./api.ts
 * /=PAGI::App::Directory,root=public default=./not_found.ts`.
 */
export class UrlMapApp {
  /** The options, for `--help`. */
  static readonly options: AppOptionTable = {
    "/PREFIX": { type: part, default: undefined, help: "the app at a path" },
    "//HOST/PREFIX": {
      type: part,
      default: undefined,
      help: "the app at a path of one host",
    },
    default: {
      type: part,
      default: "PAGI::App::NotFound",
      help: "the app for all else",
    },
  };

  #mounts: Mount[] = [];
  #default: PagiApp;

  constructor(options: UrlMapOptions = {}) {
    this.#default = appOf(options.default ?? new NotFoundApp());
  }

  /** Mounts the apps that a command line names. */
  static async compose(
    pairs: Readonly<Record<string, string>>,
    load: LoadPart,
  ): Promise<UrlMapApp> {
    const { default: fallback, ...mounts } = pairs;
    const map = new UrlMapApp(
      fallback === undefined ? {} : { default: await load(fallback) },
    );
    for (const [place, named] of Object.entries(mounts)) {
      if (!place.startsWith("/")) {
        throw new OptionError(
          `${NAME}: unknown option ${
            quote(place)
          }; write /PREFIX=APP, //HOST/PREFIX=APP or default=APP`,
        );
      }
      map.mount(place, await load(named));
    }
    if (map.#mounts.length === 0) {
      throw new OptionError(
        `${NAME} has nothing to mount; write /PREFIX=APP, for example /api=./api.ts`,
      );
    }
    return map;
  }

  /**
   * Mounts `app` at `place`: `/prefix` or `//host/prefix`, in place of an
   * earlier app there.
   *
   * @throws {OptionError} When `place` is neither.
   */
  mount(place: string, app: AppPart): this {
    const match = place === "" ? null : MOUNT.exec(place);
    if (match === null) {
      throw new OptionError(
        `${NAME}: ${quote(place)} is no place; write /PREFIX or //HOST/PREFIX`,
      );
    }
    const host = match[1] === undefined ? null : hostOf(match[1]);
    const prefix = (match[2] ?? "").replace(/\/+$/, "");
    this.#mounts = this.#mounts.filter((other) =>
      other.prefix !== prefix || other.host?.name !== host?.name ||
      other.host?.port !== host?.port
    );
    const mounted = appOf(app);
    const findReady = readyAnswersOf(mounted);
    this.#mounts.push({ host, prefix, app: mounted, findReady });
    this.#mounts.sort((a, b) =>
      b.prefix.length - a.prefix.length ||
      exactness(b.host) - exactness(a.host)
    );
    return this;
  }

  /** Mounts each app of `places` at its key. */
  map(places: Readonly<Record<string, AppPart>>): this {
    for (const [place, app] of Object.entries(places)) this.mount(place, app);
    return this;
  }

  /** The app itself. */
  toApp(): PagiApp {
    const app: PagiApp = (scope, receive, send) => {
      if (scope.type === "lifespan") {
        const apps = [...this.#mounts.map(({ app }) => app), this.#default];
        return composedLifespan(apps, scope, receive, send);
      }
      const [mount, path] = this.#find(scope);
      if (mount === undefined) return this.#default(scope, receive, send);
      const inner = below(scope, mount.prefix, path);
      const method = scope.type === "websocket" ? "GET" : scope.method;
      traceRoute(method, `${inner.root_path}/*`);
      return mount.app(inner, receive, send);
    };
    const explained = explainable(app, (scope) => {
      const [mount, path] = this.#find(scope);
      const line = which(mount, path);
      return mount === undefined
        ? explainBelow(line, this.#default, scope)
        : explainBelow(line, mount.app, below(scope, mount.prefix, path));
    });
    return this.#mounts.some(({ findReady }) => findReady !== null)
      ? withReadyAnswers(explained, this.#findReady.bind(this))
      : explained;
  }

  /** The answer that a mount keeps ready, where no host decides on the mount. */
  #findReady(request: ReadyRequest, rootPath: string): ReadyAnswer | null {
    const { path } = request;
    const mount = this.#mounts.find(({ prefix }) => isBelow(path, prefix));
    if (mount === undefined || mount.findReady === null) return null;
    if (mount.host !== null || UNCLEAN.test(path)) return null;
    const { prefix, findReady } = mount;
    const { method, rawPath, query, headers } = request;
    const rest = path.slice(prefix.length) || "/";
    const root = rootPath + prefix;
    const inner = { method, path: rest, rawPath, query, headers };
    const answer = findReady(inner, root);
    if (answer !== null) traceRoute(method, `${root}/*`);
    return answer;
  }

  /**
   * The mount of a request and the path below it. The path is normalized first,
   * so that `/a/../b` does not reach `/a`. The app gets the original path where
   * that stays below its mount.
   */
  #find(
    scope: ConnectionScope,
  ): [mount: Mount | undefined, path: string] {
    const { path, scheme } = scope;
    const { name, port } = hostOf(fieldValue(scope.headers, "host") ?? "");
    const own = scheme === "https" || scheme === "wss" ? "443" : "80";
    const host = { name, port: port || own };
    const given = this.#mountOf(host, path);
    const rest = path.slice(given?.prefix.length ?? 0);
    if (!UNCLEAN.test(path)) return [given, rest];
    const segments = pathSegments(path);
    // The app refuses a path that leads out of the root.
    if (segments === null) return [given, rest];
    const clean = `/${segments.join("/")}${
      segments.length > 0 && isDirectoryPath(path) ? "/" : ""
    }`;
    const mount = this.#mountOf(host, clean);
    return mount === given && pathSegments(rest) !== null
      ? [mount, rest]
      : [mount, clean.slice(mount?.prefix.length ?? 0)];
  }

  #mountOf(host: Host, path: string): Mount | undefined {
    return this.#mounts.find((mount) =>
      (mount.host === null || isAt(mount.host, host)) &&
      isBelow(path, mount.prefix)
    );
  }
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) &&
    (path.length === prefix.length || path[prefix.length] === "/");
}

/** A line on which mount serves a request, and why. */
function which(mount: Mount | undefined, path: string): string {
  if (mount === undefined) return "no mount has this path and host: default";
  const { host, prefix } = mount;
  const place = host === null
    ? ""
    : `//${host.name}${host.port && ":"}${host.port}`;
  const by = host === null ? "the path" : "the path and the host field";
  return `mount ${place}${prefix}/, by ${by}; its app sees the path ${
    path || "/"
  }`;
}

/** May contain a dot segment or an empty one. */
const UNCLEAN = /[/\\]\.|\/\/|\\/;

/** The scope for an app that is mounted at `prefix`. */
function below<S extends ConnectionScope>(
  scope: S,
  prefix: string,
  path: string,
): S {
  return {
    ...scope,
    path: path || "/",
    root_path: scope.root_path + prefix,
  };
}

/** Parses a host; an IPv6 address keeps its brackets. */
function hostOf(text: string): Host {
  const [, name, port = ""] = /^(.*?)\.?(?::(\d*))?$/s.exec(
    text.toLowerCase(),
  )!;
  return { name, port };
}

/** Whether the host of a mount matches the requested one. */
function isAt({ name, port }: Host, requested: Host): boolean {
  return name === requested.name && (port === "" || port === requested.port);
}

/** How specific a mount is about the host. */
function exactness(host: Host | null): number {
  return host === null ? 0 : host.port === "" ? 1 : 2;
}

export default UrlMapApp;
